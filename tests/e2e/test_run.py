# SPDX-License-Identifier: Apache-2.0
"""`run`: from an audit row in CloudWatch Logs to a message in SNS, through what AWS does on bad days."""

import json
import signal

import pytest
from harness import GROUP, captured_rows, fed_outside_ids, json_lines, row


def put(aws, *rows, age_ms=1000, stream="orders"):
    now = aws.clock.now_ms()
    return aws.logs.put(GROUP, stream, [(now - age_ms, text) for text in rows])


def messages_about(aws, text):
    return [m for m in aws.sns.messages if text in m.message]


def test_an_outside_connection_is_told_at_once(tailgate, aws):
    put(aws, row("172.31.5.20", 150), row("203.0.113.50", 151), row("localhost", 152))
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0
    (message,) = aws.sns.messages
    (finding,) = tailgate.findings()
    assert finding["connection_id"] == 151 and finding["address"] == "203.0.113.50"
    assert finding["verdict"] == "outside" and finding["outcome"] == "success" and finding["severity"] == "high"
    assert finding["time"] == "2026-11-22T14:08:14Z" and finding["log_group"] == GROUP
    assert finding["account"] == aws.account and finding["region"] == aws.region and finding["line"] == 1
    assert finding["alert"] == finding["id"] and finding["alert_sent"]
    assert message.attributes == {"severity": "high", "rule": "connection-from-outside", "verdict": "outside", "source": GROUP,
                                  "fingerprint": finding["id"], "alert_id": finding["id"]}
    assert message.subject.isascii() and message.subject.isprintable() and len(message.subject) <= 100
    assert "203.0.113.50" in message.subject
    for said in ("203.0.113.50", "app", "prod", "SUCCEEDED", row("203.0.113.50", 151), finding["id"]):
        assert said in message.message
    assert not aws.refused and process.out.read_text() == ""


def test_without_a_topic_alerts_go_to_standard_output(tailgate, aws):
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch(topic=False)
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) > 3, 30)
    assert tailgate.stop(process) == 0
    assert "Subject: tailgate high" in process.out.read_text()


def test_json_output_has_every_finding_unfolded(tailgate, aws):
    put(aws, *(row("203.0.113.50", number, "FAILED_CONNECT", code=1045) for number in range(30)))
    process = tailgate.watch("--output", "json")
    aws.wait_for(lambda: len(aws.sns.messages) >= 2, 30)
    assert tailgate.stop(process) == 0
    lines = json_lines(process.out.read_text())
    assert sorted(f["connection_id"] for f in lines) == list(range(30)) and not any(f["known"] for f in lines)


def test_findings_of_one_kind_are_folded(tailgate, aws):
    """Ten folded ones make the first digest; user names of failures do not make kinds of their own."""
    put(aws, *(row("203.0.113.50", n, "FAILED_CONNECT", user=f"user{n}", database="", code=1045) for n in range(12)))
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) >= 2, 30)
    put(aws, row("203.0.113.50", 99))
    aws.wait_for(lambda: len(aws.sns.messages) >= 3, 30)
    assert tailgate.stop(process) == 0
    first, digest, success = aws.sns.messages
    assert "10 more findings" in digest.message and digest.attributes["alert_id"] != digest.attributes["fingerprint"]
    assert digest.attributes["fingerprint"] == first.attributes["fingerprint"]
    assert "SUCCEEDED" in success.message
    assert len(tailgate.findings()) == 13


def test_fifo_topic(tailgate, aws):
    tailgate.topic = aws.sns.create("alerts.fifo")
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    tailgate.stop(process)
    assert aws.sns.messages[0].deduplication_id == tailgate.findings()[0]["id"]
    assert aws.sns.messages[0].group_id


def test_hostile_names_stay_harmless(tailgate, aws):
    put(aws, row("203.0.113.50", 5, "FAILED_CONNECT", user="x\nSubject: y\x1b[31m\u202e\u2028", code=1045))
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    tailgate.stop(process)
    for message in aws.sns.messages:
        assert message.subject.isascii() and message.subject.isprintable()
        assert not set(message.message) & set("\x1b\u202e\u2028")
    assert "\x1b" not in process.log.read_text()


@pytest.mark.parametrize("fault, times", [
    ("throttle", 3), ("service_unavailable", 3), ("internal_error", 3), ("cut_connection", 3), ("reset_connection", 2),
    ("cut_body", 3), ("half_body", 2), ("empty_body", 3), ("not_json", 3), ("huge_body", 1), ("lost_response", 3),
    ("expired_token", 1), ("missing_date", 3), ("redirect", 2),
])
def test_no_finding_is_lost_when_reading_fails(tailgate, aws, fault, times):
    from aws import faults

    aws.faults.add("logs", "FilterLogEvents", faults.redirect(aws.url + "/elsewhere") if fault == "redirect" else fault,
                   times=times)
    put(aws, *(row("203.0.113.50", number) for number in range(5)))
    aws.logs.page_events = 2
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 60)
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) > times + 4, 60)
    assert tailgate.stop(process) == 0
    assert sorted(f["connection_id"] for f in tailgate.findings()) == list(range(5))


@pytest.mark.parametrize("fault", ["throttle", "service_unavailable", "cut_connection", "not_json", "topic_not_found",
                                   "kms_access_denied"])
def test_an_alert_survives_what_publishing_meets(tailgate, aws, fault):
    entry = aws.faults.add("sns", "Publish", fault, times=None)
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch()
    aws.wait_for(lambda: entry.used >= 1, 30)
    tailgate.stop(process)
    aws.faults.clear()
    assert json.loads(tailgate.call("status", "--output", "json", status=1).stdout)["alerts"]["waiting"] == 1
    # A permanent refusal is tried again after a minute; the clock is not ours to turn here, so look at the store.
    if fault in ("throttle", "service_unavailable", "cut_connection", "not_json"):
        process = tailgate.watch()
        aws.wait_for(lambda: aws.sns.messages, 60)
        tailgate.stop(process)
        assert len(aws.sns.delivered) == 1


def test_a_lost_answer_repeats_the_alert_under_the_same_id(tailgate, aws):
    aws.faults.add("sns", "Publish", "lost_response", times=1)
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) >= 2, 60)
    tailgate.stop(process)
    assert len({m.attributes["alert_id"] for m in aws.sns.messages}) == 1
    connections = [call.connection for call in aws.calls("sns", "Publish")]
    assert len(set(connections)) == len(connections), "each publish has a connection of its own"


def test_a_clock_that_is_wrong_is_corrected(tailgate, aws):
    from aws import faults

    aws.faults.add("*", "*", faults.SkewedClock(600), times=None)
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0


def test_nothing_counts_as_read_that_has_not_happened_yet(tailgate, aws):
    """This host's clock is ten minutes fast: a row that comes later, with the service's time, is still found."""
    from aws import faults

    aws.faults.add("*", "*", faults.SkewedClock(-600), times=None)
    process = tailgate.watch("--since", "1h")
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 4, 30)
    put(aws, row("203.0.113.50", 151), age_ms=600_000)
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0


def test_a_wrong_secret_is_said_to_be_refused(tailgate, aws):
    environment = {**tailgate.environment, "AWS_SECRET_ACCESS_KEY": "0" * 40}
    process = tailgate.start("run", "--log-group", GROUP, *tailgate.networks(), environment=environment)
    assert process.wait(30) == 3
    log = process.log.read_text()
    assert "refused the signature" in log and "0" * 40 not in log


def test_no_credentials(tailgate):
    environment = {k: v for k, v in tailgate.environment.items() if not k.startswith("AWS_SECRET")
                   and not k.startswith("AWS_ACCESS")}
    process = tailgate.start("run", "--log-group", GROUP, *tailgate.networks(), environment=environment)
    assert process.wait(30) == 3
    assert "credentials" in process.log.read_text()


def test_access_denied_names_action_and_resource(tailgate, aws):
    aws.faults.add("logs", "FilterLogEvents", "access_denied", times=None)
    process = tailgate.watch()
    assert process.wait(30) == 3
    log = process.log.read_text()
    assert "logs:FilterLogEvents" in log and GROUP in log


def test_one_bad_source_does_not_stop_the_others(tailgate, aws):
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch("--log-group", "/no/such/group")
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert process.poll() is None and tailgate.stop(process) == 0
    assert "/no/such/group" in process.log.read_text()


def test_a_second_run_is_refused_and_a_backfill_is_not(tailgate, aws):
    put(aws, row("203.0.113.50", 151), age_ms=3_600_000)
    put(aws, row("203.0.113.51", 152))
    process = tailgate.watch(since="10m")
    aws.wait_for(lambda: len(aws.sns.messages) == 1, 30)
    second = tailgate.watch()
    assert second.wait(30) == 5
    assert "another `tailgate run`" in second.log.read_text()
    done = tailgate.call("backfill", "--since", "2h", "--log-group", GROUP, *tailgate.networks(), "--topic-arn",
                         tailgate.topic, "--output", "json", "--requests-per-second", "50")
    assert {(f["connection_id"], f["known"]) for f in json_lines(done.stdout)} == {(151, False), (152, True)}
    aws.wait_for(lambda: len(aws.sns.messages) == 2, 30)  # told by the run that lives
    assert len(tailgate.findings()) == 2
    status = json.loads(tailgate.call("status", "--output", "json").stdout)
    assert status["well"] and status["running"] and status["findings"] == 2 and status["sources"][0]["gaps"] == []
    assert tailgate.call("status", "--live").stdout == "alive\n"
    assert tailgate.stop(process) == 0
    assert tailgate.call("status", "--live", status=1).stdout == "not alive\n"


def test_after_a_stop_nothing_is_missed_and_nothing_repeated(tailgate, aws):
    put(aws, row("203.0.113.50", 1))
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) == 1, 30)
    tailgate.stop(process)
    put(aws, row("203.0.113.51", 2), age_ms=0)
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) == 2, 30)
    tailgate.stop(process)
    assert [m.attributes["fingerprint"] for m in aws.sns.messages] == [f["id"] for f in tailgate.findings()]


@pytest.mark.parametrize("how", ["imds", "container"])
def test_credentials_of_a_machine(tailgate, aws, how):
    put(aws, row("203.0.113.50", 151))
    machine = aws.imds_environment() if how == "imds" else aws.container_environment()
    environment = {k: v for k, v in tailgate.environment.items() if not k.startswith("AWS_")} | machine
    process = tailgate.start("run", "--log-group", GROUP, *tailgate.networks(), "--since", "1h", "--topic-arn", tailgate.topic,
                             environment=environment)
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0
    assert not aws.refused


def test_credentials_of_a_profile(tailgate, aws, tmp_path):
    put(aws, row("203.0.113.50", 151))
    keys = {name: tailgate.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[audit]\n" + "".join(f"{k.lower()} = {v}\n" for k, v in keys.items()))
    environment = {k: v for k, v in tailgate.environment.items() if k not in keys}
    process = tailgate.start("run", "--log-group", GROUP, *tailgate.networks(), "--since", "1h", "--topic-arn", tailgate.topic,
                             "--profile", "audit", environment=environment)
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0


def test_a_plain_text_endpoint_is_refused(tailgate):
    done = tailgate.call("run", "--log-group", GROUP, *tailgate.networks(), "--endpoint-url", "http://192.0.2.1:4566", status=2)
    assert "plain text" in done.stderr


def test_a_second_signal_leaves_now(tailgate, aws):
    entry = aws.faults.add("logs", "FilterLogEvents", "stall", after=2)
    process = tailgate.watch()
    aws.wait_for(lambda: entry.used >= 1, 30)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_late_rows_are_found_by_re_reads(tailgate):
    """A row that becomes readable 30 minutes after its time, on a clock that runs 600 times as fast."""
    from aws import Loopback

    from harness import Tailgate

    with Loopback(speed=600) as fast:
        folder = tailgate.folder / "fast"
        folder.mkdir()
        program = Tailgate(fast, folder)
        now = fast.clock.now_ms()
        fast.logs.put(GROUP, "s", [(now, row("203.0.113.50", 151), None, now + 1_800_000)])
        process = program.watch(since="1h")
        fast.wait_for(lambda: fast.sns.messages, 60)
        program.stop(process)
        (finding,) = program.findings()
        assert finding["marks"] == ["late"]
        period = program.call("status", "--since", str(now - 60_000), "--until", str(now + 1_000_000), "--output", "json")
        assert json_lines(period.stdout)[0]["read"] is True


def test_the_capture_live(tailgate, aws):
    """The captured log as events: each outside attempt is a finding, none is stored twice."""
    rows = captured_rows()[:4000]
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "orders", [(now - 60_000 + i, text.decode(errors="replace")) for i, text in enumerate(rows)])
    fed = fed_outside_ids(rows)
    assert len(fed) > 200
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 4, 60)
    assert tailgate.stop(process) == 0
    findings = tailgate.findings()
    assert fed <= {f["connection_id"] for f in findings}
    assert len({f["id"] for f in findings}) == len(findings)

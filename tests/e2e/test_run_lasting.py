# SPDX-License-Identifier: Apache-2.0
"""`run` over time: beside a backfill, over reloads, with many sources, with a clock that is set, with readers that do not read."""

import json
import signal
import sqlite3
import subprocess
import threading
import time

from harness import GROUP, TIMEOUT, json_lines, row

MINUTE = 60_000


def put(aws, *rows, group=GROUP, age_ms=1000):
    now = aws.clock.now_ms()
    aws.logs.put(group, "s", [(now - age_ms, text) for text in rows])


def polls(aws):
    return len(aws.calls("logs", "FilterLogEvents"))


def wait_for_polls(aws, more):
    count = polls(aws)
    aws.wait_for(lambda: polls(aws) >= count + more, 60)


def test_a_digest_lists_what_it_tells(tailgate, aws):
    put(aws, *(row("203.0.113.50", n, "FAILED_CONNECT", user=f"user{n}", database="", code=1045) for n in range(12)))
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) >= 2, 30)
    tailgate.stop(process)
    digest = aws.sns.messages[1]
    assert "10 more from 203.0.113.50" in digest.subject
    assert sum(f"user{n} from 203.0.113.50" in digest.message for n in range(12)) == 10


def test_an_ocsf_digest_is_json(tailgate, aws, tmp_path):
    put(aws, *(row("203.0.113.50", n, "FAILED_CONNECT", user="u" * 30_000, database="", code=1045) for n in range(101)))
    path = tmp_path / "ocsf.yaml"
    path.write_text(f"alerts: {{topic_arn: '{tailgate.topic}', format: ocsf}}\n")
    process = tailgate.watch("--config", path, topic=False)
    aws.wait_for(lambda: len(aws.sns.messages) >= 3, 60)
    tailgate.stop(process)
    for message in aws.sns.messages:
        document = json.loads(message.message)
        assert document["class_uid"] == 2004 and document["evidences"][0]["src_endpoint"]["ip"] == "203.0.113.50"


def test_json_output_has_each_finding_once(tailgate, aws):
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch("--output", "json")
    aws.wait_for(lambda: aws.sns.messages, 30)
    wait_for_polls(aws, 6)
    tailgate.stop(process)
    assert [f["connection_id"] for f in json_lines(process.out.read_text())] == [151]


def test_what_a_backfill_did_not_tell_run_tells(tailgate, aws):
    put(aws, row("203.0.113.50", 151), age_ms=MINUTE // 2)
    tailgate.call("backfill", "--since", "1h", "--log-group", GROUP, *tailgate.networks(), "--no-publish")
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    tailgate.stop(process)
    assert len(aws.sns.messages) == 1


def test_a_reader_that_does_not_read_holds_nobody_up(tailgate, aws):
    put(aws, *(row("203.0.113.50", n, user="u" * 1000) for n in range(300)), age_ms=30 * MINUTE)
    process = tailgate.watch(since="1m")
    wait_for_polls(aws, 3)
    backfill = subprocess.Popen(tailgate.command("backfill", "--since", "1h", "--log-group", GROUP, *tailgate.networks()),
                                env=tailgate.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_for_polls(aws, 3)
    put(aws, row("198.51.100.9", 9999), age_ms=0)
    aws.wait_for(lambda: any("198.51.100.9" in m.message for m in aws.sns.messages), 30)
    backfill.kill()
    backfill.communicate()
    assert tailgate.stop(process) == 0


def test_output_that_cannot_be_marked_is_not_repeated_without_end(tailgate, aws):
    put(aws, row("203.0.113.50", 151))
    process = tailgate.watch(topic=False)
    wait_for_polls(aws, 3)
    database = sqlite3.connect(tailgate.state, timeout=30)
    database.execute("CREATE TRIGGER broken BEFORE UPDATE OF sent_at ON alert BEGIN SELECT RAISE(FAIL, 'full'); END")
    database.commit()
    put(aws, row("203.0.113.51", 152), age_ms=0)
    wait_for_polls(aws, 10)
    begin = time.monotonic()
    assert tailgate.stop(process) == 0 and time.monotonic() - begin < 5
    assert 1 <= process.out.read_text().count("from 203.0.113.51,") < 100
    database.close()


def test_many_sources_leave_room_for_re_reads(tailgate, aws):
    groups = [f"/aws/rds/instance/db{n}/audit" for n in range(15)]
    for group in groups:
        aws.logs.create(group)
    words = [word for group in groups for word in ("--log-group", group)]
    process = tailgate.start("run", *words, *tailgate.networks(), "--since", "1h", "--topic-arn", tailgate.topic)
    old = aws.clock.now_ms() - 10 * MINUTE  # holes behind the tip begin before this

    def read_behind_the_tip():
        return {c.parameters["logGroupName"] for c in aws.calls("logs", "FilterLogEvents") if c.parameters["startTime"] < old}

    aws.wait_for(lambda: len(read_behind_the_tip()) == 15, 60)
    assert tailgate.stop(process) == 0


def test_a_reload_that_fails_changes_nothing(tailgate, aws, tmp_path):
    for group in ("/b", "/c"):
        aws.logs.create(group)
    path = tmp_path / "c.yaml"
    path.write_text(f"sources: [{{log_group: {GROUP}}}, {{log_group: /b}}, {{log_group: /c}}]\n")
    process = subprocess.Popen(tailgate.command("run", "--config", path, *tailgate.networks(), "--topic-arn", tailgate.topic,
                                                "--requests-per-second", "50"),
                               env=tailgate.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    tailgate.running.append(process)
    wait_for_polls(aws, 9)
    holder = sqlite3.connect(tailgate.state, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    process.send_signal(signal.SIGHUP)
    limit = threading.Timer(TIMEOUT, process.kill)
    limit.start()
    assert any(b"was not changed" in line for line in process.stderr)
    limit.cancel()
    holder.rollback()
    holder.close()
    put(aws, row("203.0.113.50", 1), group="/b", age_ms=0)
    put(aws, row("203.0.113.51", 2), group="/c", age_ms=0)
    aws.wait_for(lambda: len(aws.sns.messages) == 2, 60)
    assert tailgate.stop(process) == 0


def test_a_refusal_after_a_reload_is_not_the_end(tailgate, aws, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("poll_interval: 5s\n")
    process = tailgate.watch("--config", path)
    wait_for_polls(aws, 3)
    entry = aws.faults.add("logs", "FilterLogEvents", "access_denied", times=2)
    process.send_signal(signal.SIGHUP)
    aws.wait_for(lambda: entry.used == 2, 30)
    put(aws, row("203.0.113.50", 1), age_ms=0)
    aws.wait_for(lambda: aws.sns.messages, 60)
    assert tailgate.stop(process) == 0


def test_a_hangup_before_it_has_begun(tailgate, aws):
    entry = aws.faults.add("sts", "GetCallerIdentity", "service_unavailable", times=3)
    process = tailgate.watch()
    aws.wait_for(lambda: entry.used >= 1, 30)
    process.send_signal(signal.SIGHUP)
    put(aws, row("203.0.113.50", 1))
    aws.wait_for(lambda: aws.sns.messages, 60)
    assert tailgate.stop(process) == 0


def test_alive_while_aws_is_away(tailgate, aws):
    entry = aws.faults.add("*", "*", "service_unavailable", times=None)
    process = tailgate.watch()
    aws.wait_for(lambda: entry.used >= 3, 30)
    assert tailgate.call("status", "--live").stdout == "alive\n"
    assert tailgate.stop(process) == 0


def test_status_judges_what_is_configured(tailgate, aws):
    aws.logs.create("/b")
    process = tailgate.watch("--log-group", "/b")
    aws.wait_for(lambda: len({c.parameters.get("logGroupName") for c in aws.calls("logs", "FilterLogEvents")}) >= 2, 30)
    tailgate.stop(process)
    process = tailgate.watch()
    wait_for_polls(aws, 4)
    state = json.loads(tailgate.call("status", "--output", "json").stdout)
    assert [s["source"].rsplit(":", 1)[1] for s in state["sources"]] == [GROUP] and state["well"]
    tailgate.stop(process)


def test_status_says_what_only_a_person_can_mend(tailgate, aws):
    process = tailgate.watch("--log-group", "/gone")
    aws.wait_for(lambda: any(c.error for c in aws.calls("logs", "FilterLogEvents")), 30)
    wait_for_polls(aws, 2)
    state = json.loads(tailgate.call("status", "--output", "json", status=1).stdout)
    assert any(s["trouble"] and "/gone" in s["trouble"] for s in state["sources"])
    tailgate.stop(process)


def test_a_change_of_rules_does_not_make_old_rows_late(tailgate, aws):
    put(aws, row("203.0.113.50", 1))
    process = tailgate.watch()
    aws.wait_for(lambda: aws.sns.messages, 30)
    wait_for_polls(aws, 3)
    tailgate.stop(process)
    process = tailgate.start("run", "--log-group", GROUP, "--network", "192.168.0.0/16", "--filter", "CONNECT", "--topic-arn",
                             tailgate.topic)
    end = aws.clock.now_ms() + 4 * MINUTE
    aws.wait_for(lambda: aws.clock.now_ms() > end, 60)
    tailgate.stop(process)
    found = {f["rule"]: f["marks"] for f in tailgate.findings()}
    assert found == {"connection-from-outside": [], "filter-outside": []}
    since = aws.clock.now_ms() - 10 * MINUTE
    period = tailgate.call("status", "--since", since, "--until", since + MINUTE, "--output", "json", status=None)
    assert json_lines(period.stdout)[0]["read"] is True


def test_a_group_configured_twice_is_watched_once(tailgate, aws):
    arn = f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{GROUP}"
    process = tailgate.watch("--log-group", arn)
    wait_for_polls(aws, 3)
    process.send_signal(signal.SIGHUP)
    wait_for_polls(aws, 3)
    put(aws, row("203.0.113.50", 1), age_ms=0)
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert tailgate.stop(process) == 0
    assert "configured twice" in process.log.read_text()


def test_a_group_is_asked_for_as_it_was_configured(tailgate, aws):
    process = tailgate.watch()
    wait_for_polls(aws, 2)
    tailgate.stop(process)
    assert {c.parameters.get("logGroupName") for c in aws.calls("logs", "FilterLogEvents")} == {GROUP}


def test_trouble_stays_told_over_a_reload(tailgate, aws):
    process = tailgate.watch("--log-group", "/gone")
    aws.wait_for(lambda: any(c.error for c in aws.calls("logs", "FilterLogEvents")), 30)
    process.send_signal(signal.SIGHUP)
    aws.wait_for(lambda: "configuration read again" in process.log.read_text(), 30)
    errors = [c for c in aws.calls("logs", "FilterLogEvents") if c.error]
    aws.wait_for(lambda: len([c for c in aws.calls("logs", "FilterLogEvents") if c.error]) > len(errors), 30)
    wait_for_polls(aws, 2)
    state = json.loads(tailgate.call("status", "--output", "json", status=1).stdout)
    assert any(s["trouble"] for s in state["sources"])
    tailgate.stop(process)


def test_a_backfill_and_a_run_do_not_publish_at_once(tailgate, aws):
    put(aws, row("203.0.113.50", 1), age_ms=30 * MINUTE)
    entry = aws.faults.add("sns", "Publish", "stall", times=1)
    backfill = tailgate.start("backfill", "--since", "1h", "--log-group", GROUP, *tailgate.networks(), "--topic-arn", tailgate.topic)
    aws.wait_for(lambda: entry.used, 30)
    process = tailgate.watch()
    wait_for_polls(aws, 6)
    assert len(aws.calls("sns", "Publish")) <= 1
    entry.release()
    assert backfill.wait(60) == 0
    tailgate.stop(process)
    assert len(aws.sns.messages) == 1

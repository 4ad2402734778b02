# SPDX-License-Identifier: Apache-2.0
"""`backfill` of a window through CloudWatch Logs."""

from harness import GROUP, json_lines, row

HOUR = 3_600_000


def backfill(tailgate, *words, status=0):
    return tailgate.call("backfill", "--log-group", GROUP, *tailgate.networks(), "--output", "json", "--requests-per-second", "50",
                         *words, status=status)


def put_hours(aws, count):
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(now - i * HOUR - 60_000, row("203.0.113.50", i)) for i in range(count)])
    return now


def test_a_window_is_half_open_and_whole(tailgate, aws):
    now = put_hours(aws, 10)
    aws.logs.page_events = 1
    done = backfill(tailgate, "--since", now - 5 * HOUR - 60_000, "--until", now - 1 * HOUR - 60_000)
    assert sorted(f["connection_id"] for f in json_lines(done.stdout)) == [2, 3, 4, 5]


def test_one_digest_for_the_window_and_never_again(tailgate, aws):
    put_hours(aws, 10)
    backfill(tailgate, "--since", "1d", "--topic-arn", tailgate.topic)
    (message,) = aws.sns.messages
    assert "10 findings in a window" in message.message
    done = backfill(tailgate, "--since", "1d", "--topic-arn", tailgate.topic)
    assert all(f["known"] for f in json_lines(done.stdout)) and len(aws.sns.messages) == 1


def test_alerts_each_or_none(tailgate, aws):
    put_hours(aws, 3)
    backfill(tailgate, "--since", "1d", "--topic-arn", tailgate.topic, "--no-publish")
    assert not aws.sns.messages
    tailgate.state.unlink()
    backfill(tailgate, "--since", "1d", "--topic-arn", tailgate.topic, "--alert", "each")
    first, digest = aws.sns.messages  # nobody is there to fold later, so what is held is told at once
    assert first.attributes["alert_id"] == first.attributes["fingerprint"] and "2 more from" in digest.subject
    assert all(f["alert_sent"] for f in tailgate.findings())


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tailgate, aws):
    put_hours(aws, 4)
    aws.faults.add("logs", "FilterLogEvents", "not_json", times=8, after=3)
    done = backfill(tailgate, "--since", "4h", status=4)
    assert len(json_lines(done.stdout)) == 3 and "not read: " + GROUP in done.stderr


def test_a_window_is_judged_by_the_clock_of_the_service(tailgate, aws):
    from aws import faults

    aws.faults.add("*", "*", faults.SkewedClock(3600), times=None)  # this host is an hour slow
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(now + HOUR - 20 * 60_000, row("203.0.113.50", 7))])
    done = backfill(tailgate, "--since", now, "--until", now + HOUR - 10 * 60_000)
    assert [f["connection_id"] for f in json_lines(done.stdout)] == [7]
    assert "in the future" in backfill(tailgate, "--since", now + 3 * HOUR, "--until", now + 4 * HOUR, status=2).stderr


def test_refusals(tailgate, aws):
    put_hours(aws, 2)
    aws.faults.add("logs", "FilterLogEvents", "access_denied", times=None)
    assert "logs:FilterLogEvents" in backfill(tailgate, "--since", "4h", status=3).stderr
    aws.faults.clear()
    missing = tailgate.call("backfill", "--since", "4h", "--log-group", "/none", *tailgate.networks(), status=4)
    assert "/none" in missing.stderr


def test_throttling_is_weather(tailgate, aws):
    put_hours(aws, 5)
    aws.faults.add("logs", "FilterLogEvents", "throttle", times=3, after=1)
    assert len(json_lines(backfill(tailgate, "--since", "6h").stdout)) == 5


def test_other_rules_read_again(tailgate, aws):
    put_hours(aws, 2)
    backfill(tailgate, "--since", "4h")
    done = tailgate.call("backfill", "--since", "4h", "--log-group", GROUP, "--filter", "CONNECT", "--output", "json")
    assert [f["known"] for f in json_lines(done.stdout)] == [False, False]

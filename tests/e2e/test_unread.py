# SPDX-License-Identifier: Apache-2.0
"""A log that cannot be read for long is told: once, over restarts, and when it can be read again."""

import json

import pytest
from aws import Loopback
from harness import GROUP, Tailgate, row, wait_minutes

MINUTE = 60_000
SPEED = 300  # five minutes in a second


@pytest.fixture
def aws():
    with Loopback(speed=SPEED) as loopback:
        loopback.logs.create(GROUP)
        yield loopback
        assert not loopback.defects


@pytest.fixture
def tailgate(aws, tmp_path):
    program = Tailgate(aws, tmp_path)
    yield program
    program.stop_all()


def polls(aws):
    return len([c for c in aws.calls("logs", "FilterLogEvents") if not c.error])


def told(aws):
    return [m.subject.split(": ", 1)[1] for m in aws.sns.messages if m.attributes["rule"] == "tailgate"]


def status(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)


def test_a_log_group_that_is_gone(tailgate, aws):
    aws.logs.create("/other")
    process = tailgate.watch("--log-group", "/other")
    aws.wait_for(lambda: polls(aws) > 4, 30)
    at = aws.clock.now_ms()
    gone = aws.logs.groups.pop(aws.logs.arn(GROUP))
    aws.wait_for(lambda: told(aws), 60)
    assert aws.clock.now_ms() - at >= 15 * MINUTE
    source = next(s for s in status(tailgate)["sources"] if s["source"].endswith(GROUP))
    assert source["unreadable_since"] and not status(tailgate)["well"]
    wait_minutes(aws, 20)
    assert told(aws) == [f"a log cannot be read, {GROUP}"]
    (message,) = aws.sns.messages
    assert message.attributes["severity"] == "high" and message.attributes["source"] == GROUP
    assert "AWS finds no such thing" in message.message and source["unreadable_since"][:16] in message.message
    with aws.lock:
        aws.logs.groups[gone.arn] = gone
    aws.logs.put(GROUP, "s", [(at + 5 * MINUTE, row("203.0.113.50", 1))])
    aws.wait_for(lambda: len(told(aws)) == 2 and len(aws.sns.messages) == 3, 30)
    assert told(aws)[1] == f"a log can be read again, {GROUP}"
    source = next(s for s in status(tailgate)["sources"] if s["source"].endswith(GROUP))
    assert source["unreadable_since"] is None and source["trouble"] is None
    wait_minutes(aws, 10)
    assert tailgate.stop(process) == 0
    assert len(told(aws)) == 2


@pytest.mark.parametrize("fault", ["access_denied", "service_unavailable", "throttle", "kms"])
def test_what_keeps_it_from_being_read_is_said(tailgate, aws, fault):
    from aws import faults

    kms = faults.Error("kms", "KMSAccessDeniedException", faults.KMS_DENIED)
    process = tailgate.watch()
    aws.wait_for(lambda: polls(aws) > 2, 30)
    aws.faults.add("logs", "FilterLogEvents", kms if fault == "kms" else fault, times=None)
    aws.wait_for(lambda: told(aws), 60)
    aws.faults.clear()
    aws.wait_for(lambda: len(told(aws)) == 2, 60)
    assert tailgate.stop(process) == 0
    says = {"access_denied": "AWS does not allow logs:FilterLogEvents", "service_unavailable": "AWS cannot answer now",
            "throttle": "AWS asks for fewer requests", "kms": "kms:GenerateDataKey"}[fault]
    assert says in aws.sns.messages[0].message


def test_trouble_that_passes_is_not_told(tailgate, aws):
    process = tailgate.watch()
    aws.wait_for(lambda: polls(aws) > 2, 30)
    for _ in range(2):
        aws.faults.add("logs", "FilterLogEvents", "access_denied", times=None)
        wait_minutes(aws, 7)
        aws.faults.clear()
        before = polls(aws)
        aws.wait_for(lambda: polls(aws) > before, 30)
    assert tailgate.stop(process) == 0
    assert not told(aws)


def test_a_run_that_is_refused_everywhere_tells_it_before_it_leaves(tailgate, aws):
    """What supervises it starts it again and again; the time counts from the first failure."""
    process = tailgate.watch()
    aws.wait_for(lambda: polls(aws) > 2, 30)
    refused = aws.faults.add("logs", "FilterLogEvents", "access_denied", times=None)
    aws.wait_for(lambda: refused.used, 30)
    assert tailgate.stop(process) == 0
    assert tailgate.watch().wait(30) == 3
    assert not told(aws)
    wait_minutes(aws, 16)
    for _ in range(3):
        process = tailgate.watch()
        assert process.wait(30) == 3
        assert "there is nothing to watch" in process.log.read_text()
        assert told(aws) == [f"a log cannot be read, {GROUP}"]
    aws.faults.clear()
    process = tailgate.watch()
    aws.wait_for(lambda: len(told(aws)) == 2, 30)
    assert tailgate.stop(process) == 0
    assert told(aws)[1] == f"a log can be read again, {GROUP}"


def test_many_log_groups_make_one_notice(tailgate, aws):
    groups = [f"/aws/rds/instance/db{n}/audit" for n in range(8)]
    for group in groups:
        aws.logs.create(group)
    process = tailgate.watch(*[word for group in groups for word in ("--log-group", group)])
    aws.wait_for(lambda: polls(aws) > 20, 30)
    aws.faults.add("logs", "FilterLogEvents", "access_denied", times=None)
    aws.wait_for(lambda: told(aws), 60)
    wait_minutes(aws, 8)
    assert told(aws) == ["a log cannot be read"]
    assert all(group in aws.sns.messages[0].message for group in [GROUP, *groups])
    aws.faults.clear()
    aws.wait_for(lambda: len(told(aws)) == 2, 60)
    wait_minutes(aws, 10)
    assert tailgate.stop(process) == 0
    assert told(aws) == ["a log cannot be read", "a log can be read again"]

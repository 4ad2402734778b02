# SPDX-License-Identifier: Apache-2.0
"""The heartbeat metric: put while logs are read, and never in the way of reading them."""

import signal

import pytest
from aws import Loopback, faults
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


def puts(aws):
    return aws.calls("cloudwatch", "PutMetricData")


def test_once_a_minute_while_logs_are_read(tailgate, aws):
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.cloudwatch.values) >= 6, 60)
    assert tailgate.stop(process) == 0
    values = aws.cloudwatch.values
    assert {(v.namespace, v.name, v.value, v.unit, v.timestamp, v.region) for v in values} == {
        ("tailgate", "Heartbeat", 1.0, "Count", None, aws.region)}
    assert all(v.dimensions == {"Agent": "tailgate"} for v in values)
    apart = [later.arrived_ms - earlier.arrived_ms for earlier, later in zip(values, values[1:])]
    assert min(apart) > MINUTE / 2 and sum(apart) / len(apart) >= 0.95 * MINUTE
    assert not aws.refused


def test_it_has_the_name_it_is_given(tailgate, aws):
    process = tailgate.watch("--heartbeat", "bastion-a")
    aws.wait_for(lambda: aws.cloudwatch.values, 30)
    tailgate.stop(process)
    assert aws.cloudwatch.values[0].dimensions == {"Agent": "bastion-a"}


def test_off(tailgate, aws):
    process = tailgate.watch("--heartbeat", "off")
    wait_minutes(aws, 5)
    tailgate.stop(process)
    assert not puts(aws)


def test_a_name_that_cannot_be_one(tailgate):
    done = tailgate.call("run", "--log-group", GROUP, *tailgate.networks(), "--heartbeat", ":x", status=2)
    assert "heartbeat: \":x\" is not off, or a name" in done.stderr


@pytest.mark.parametrize("fault", ["access_denied", "service_unavailable", "throttle"])
def test_none_while_no_source_can_be_read(tailgate, aws, fault):
    process = tailgate.watch()
    aws.wait_for(lambda: len(puts(aws)) >= 2, 30)
    refused = aws.faults.add("logs", "FilterLogEvents", fault, times=None)
    aws.wait_for(lambda: refused.used >= 2, 30)
    wait_minutes(aws, 3)
    count = len(puts(aws))
    wait_minutes(aws, 6)
    assert len(puts(aws)) == count
    aws.faults.clear()
    aws.wait_for(lambda: len(puts(aws)) > count, 60)
    assert tailgate.stop(process) == 0


def test_one_source_that_fails_is_no_reason_to_stop_it(tailgate, aws):
    process = tailgate.watch("--log-group", "/no/such/group")
    aws.wait_for(lambda: len(puts(aws)) >= 5, 60)
    assert tailgate.stop(process) == 0


def test_without_permission_it_is_off_and_said_once(tailgate, aws, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("poll_interval: 5s\n")
    entry = aws.faults.add("cloudwatch", "PutMetricData", "access_denied", times=None)
    process = tailgate.watch("--config", path)
    aws.wait_for(lambda: entry.used == 1, 30)
    aws.logs.put(GROUP, "s", [(aws.clock.now_ms(), row("203.0.113.50", 1))])
    aws.wait_for(lambda: aws.sns.messages, 30)
    wait_minutes(aws, 20)
    assert entry.used == 1
    (said,) = [line for line in process.log.read_text().splitlines() if "no alarm can tell" in line]
    assert "AWS does not allow cloudwatch:PutMetricData" in said
    process.send_signal(signal.SIGHUP)  # perhaps it is allowed now
    aws.wait_for(lambda: entry.used == 2, 30)
    assert tailgate.stop(process) == 0


def test_a_failure_is_followed_by_the_next_and_a_row_of_them_is_said(tailgate, aws):
    entry = aws.faults.add("cloudwatch", "PutMetricData", "throttle", times=20)
    process = tailgate.watch()
    aws.wait_for(lambda: entry.used >= 3, 30)
    assert "heartbeat" not in process.log.read_text()
    aws.wait_for(lambda: len(aws.cloudwatch.values) >= 2, 60)
    assert tailgate.stop(process) == 0
    log = process.log.read_text()
    assert log.count("has failed 15 times in a row") == 1 and log.count("can be put again") == 1


def test_one_that_hangs_holds_nothing_up(tailgate, aws):
    stall = aws.faults.add("cloudwatch", "PutMetricData", faults.Stall(), times=None)
    process = tailgate.watch()
    aws.wait_for(lambda: stall.used, 30)
    wait_minutes(aws, 5)
    aws.logs.put(GROUP, "s", [(aws.clock.now_ms(), row("203.0.113.50", 1))])
    aws.wait_for(lambda: aws.sns.messages, 30)
    assert stall.used == 1, "one under way at most"
    assert tailgate.stop(process) == 0

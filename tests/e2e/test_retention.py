# SPDX-License-Identifier: Apache-2.0
"""How long a log group keeps its events: that it became shorter is told, and what is deleted is not read as if it were there."""

import json

import pytest
from aws import Loopback
from harness import GROUP, Tailgate, row, wait_minutes

HOUR = 3_600_000


@pytest.fixture(params=[5000])
def aws(request):
    with Loopback(speed=request.param) as loopback:
        loopback.credentials.tolerance_min = 300  # of this clock, which a request takes on a busy machine
        loopback.logs.create(GROUP)
        yield loopback
        assert not loopback.defects


@pytest.fixture
def tailgate(aws, tmp_path):
    program = Tailgate(aws, tmp_path)
    yield program
    program.stop_all()


def source(tailgate):
    return sources(tailgate)[0]


def sources(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)["sources"]


def keep(aws, days):
    aws.logs.groups[aws.logs.arn(GROUP)].retention_days = days


def asked(aws):
    return len(aws.calls("logs", "DescribeLogGroups"))


def read_and_stop(tailgate, aws):
    """A run that has read all there is, and knows how long the group keeps it."""
    process = tailgate.watch(since="1h")
    aws.wait_for(lambda: asked(aws) and source(tailgate)["gaps"] == [], 60)
    tailgate.stop(process)


@pytest.mark.parametrize("before, after, told", [(None, 7, True), (30, 7, True), (7, 30, False), (7, None, False)])
def test_less_time_is_told_once(tailgate, aws, before, after, told):
    keep(aws, before)
    process = tailgate.watch()
    aws.wait_for(lambda: asked(aws), 30)
    keep(aws, after)
    times = asked(aws)
    aws.wait_for(lambda: asked(aws) >= times + 3, 60)  # once an hour
    assert tailgate.stop(process) == 0
    times = asked(aws)
    process = tailgate.watch()
    aws.wait_for(lambda: asked(aws) > times and len(aws.sns.messages) == told, 60)
    wait_minutes(aws, 60)
    tailgate.stop(process)
    subjects = [message.subject for message in aws.sns.messages]
    assert subjects == (["tailgate high: a log keeps its events for less time, /aws/rds/instance/orders/audit"] if told else [])
    if told:
        assert "for 7 days now" in aws.sns.messages[0].message and "PutRetentionPolicy" in aws.sns.messages[0].message


def test_another_group_is_not_taken_for_it(tailgate, aws):
    """Names are asked for by their beginning."""
    aws.logs.create(GROUP + "-old")
    aws.logs.groups[aws.logs.arn(GROUP + "-old")].retention_days = 1
    del aws.logs.groups[aws.logs.arn(GROUP)]
    process = tailgate.watch("--log-group", GROUP + "-other")
    aws.wait_for(lambda: asked(aws) >= 2, 30)
    tailgate.stop(process)
    assert source(tailgate)["lost"] == [] and not aws.sns.messages


@pytest.mark.parametrize("aws", [600], indirect=True)
def test_ours_is_not_taken_for_theirs(tailgate, aws):
    """All sources are given by ARN, so our own account is not known; it has a group of that name, which keeps one day."""
    theirs = f"arn:aws:logs:{aws.region}:210987654321:log-group:{GROUP}"
    aws.logs.create(theirs)
    keep(aws, 1)
    words = ["run", "--log-group", theirs, *tailgate.networks(), "--since", "1h", "--topic-arn", tailgate.topic]
    process = tailgate.start(*words)
    aws.wait_for(lambda: asked(aws) and source(tailgate)["gaps"] == [], 60)
    tailgate.stop(process)
    tailgate.skip(3 * 24 * HOUR)
    aws.logs.put(theirs, "s", [(aws.clock.now_ms() - 40 * HOUR, row("203.0.113.9", 9))])
    process = tailgate.start(*words)
    aws.wait_for(lambda: len(aws.sns.messages) == 1, 30)
    assert source(tailgate)["lost"] == []
    tailgate.stop(process)


def test_without_permission_it_is_said_once(tailgate, aws):
    aws.faults.add("logs", "DescribeLogGroups", "access_denied", times=None)
    process = tailgate.watch()
    aws.wait_for(lambda: asked(aws) == 1, 30)
    wait_minutes(aws, 5 * 60)
    assert tailgate.stop(process) == 0
    assert asked(aws) == 1 and process.log.read_text().count("keeps its events for less time") == 1


@pytest.mark.parametrize("aws", [600], indirect=True)
def test_what_is_deleted_is_lost_and_not_read(tailgate, aws):
    """A stop of three days, and a log group that keeps one."""
    keep(aws, 1)
    read_and_stop(tailgate, aws)
    stopped = aws.clock.now_ms()
    tailgate.skip(3 * 24 * HOUR)
    aws.logs.put(GROUP, "s", [(aws.clock.now_ms() - 12 * HOUR, row("203.0.113.9", 9))])
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) == 1, 60)
    aws.wait_for(lambda: source(tailgate)["gaps"] == [], 60)
    state = source(tailgate)
    text = tailgate.call("status", status=None).stdout
    tailgate.stop(process)
    # One stretch, or one more where the stop came between two.
    assert state["lost"] and all(lost["reason"] for lost in state["lost"]) and "    lost " in text
    asked_for = [call.parameters["startTime"] for call in aws.calls("logs", "FilterLogEvents")]
    assert not [start for start in asked_for if stopped < start < stopped + 40 * HOUR], "nothing is asked for that is deleted"


@pytest.mark.parametrize("aws", [600], indirect=True)
def test_nothing_old_is_read_before_the_retention_is_known(tailgate, aws):
    """AWS does not answer for hours how long the group keeps its events, which is less than the stop."""
    read_and_stop(tailgate, aws)
    stopped = aws.clock.now_ms()
    keep(aws, 1)
    aws.faults.add("logs", "DescribeLogGroups", "throttle", times=20)
    tailgate.skip(3 * 24 * HOUR)
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.sns.messages) == 1, 60)  # that it keeps less
    assert asked(aws) > 20
    aws.wait_for(lambda: source(tailgate)["gaps"] == [], 60)
    tailgate.stop(process)
    asked_for = [call.parameters["startTime"] for call in aws.calls("logs", "FilterLogEvents")]
    assert source(tailgate)["lost"]
    assert not [start for start in asked_for if stopped < start < stopped + 40 * HOUR], "nothing is asked for that is deleted"


def watch_both(tailgate, other):
    return tailgate.watch("--log-group", other, since="1h")


def put(aws, number, age, late=0):
    time = aws.clock.now_ms() - age
    aws.logs.put(GROUP, "s", [(time, row("203.0.113.9", number), time + late, time + late)])


def connections(tailgate):
    return [finding["connection_id"] for finding in tailgate.findings() if finding["rule"] != "tailgate"]


@pytest.mark.parametrize("aws", [600], indirect=True)
@pytest.mark.parametrize("fault", ["service_unavailable", "access_denied"])
def test_one_group_that_cannot_be_asked_about_holds_up_no_other(tailgate, aws, fault):
    other = GROUP + "-2"
    aws.logs.create(other)
    process = watch_both(tailgate, other)
    aws.wait_for(lambda: asked(aws) >= 2 and all(not s["gaps"] for s in sources(tailgate)), 60)
    tailgate.stop(process)
    tailgate.skip(3 * 24 * HOUR)
    aws.faults.add("logs", "DescribeLogGroups", fault, times=None,
                   when=lambda call: call.parameters["logGroupNamePrefix"] == other)
    put(aws, 9, 40 * HOUR)
    process = watch_both(tailgate, other)
    aws.wait_for(lambda: aws.sns.messages, 60)
    aws.wait_for(lambda: all(not s["gaps"] for s in sources(tailgate)), 120)
    tailgate.stop(process)
    assert connections(tailgate) == [9] and all(not s["lost"] for s in sources(tailgate))


@pytest.mark.parametrize("aws", [600], indirect=True)
def test_what_was_deleted_stays_lost_when_the_group_keeps_more_again(tailgate, aws):
    """It is told by an alert, once."""
    keep(aws, 1)
    read_and_stop(tailgate, aws)
    tailgate.skip(5 * 24 * HOUR)
    process = tailgate.watch()
    aws.wait_for(lambda: source(tailgate)["lost"], 30)
    keep(aws, 30)
    before = asked(aws)
    aws.wait_for(lambda: asked(aws) >= before + 2, 60)
    aws.wait_for(lambda: aws.sns.messages and source(tailgate)["gaps"] == [], 60)
    wait_minutes(aws, 90)
    tailgate.stop(process)
    assert source(tailgate)["lost"] and source(tailgate)["gaps"] == []
    assert [message.subject for message in aws.sns.messages] == [
        "tailgate high: a stretch of a log was deleted before it was read, /aws/rds/instance/orders/audit"]


@pytest.mark.parametrize("aws", [600], indirect=True)
def test_what_was_said_long_ago_keeps_nothing_from_being_read(tailgate, aws):
    """The group keeps more by now, and AWS no longer tells."""
    keep(aws, 1)
    read_and_stop(tailgate, aws)
    keep(aws, 30)
    tailgate.skip(3 * 24 * HOUR)
    aws.faults.add("logs", "DescribeLogGroups", "access_denied", times=None)
    put(aws, 9, 40 * HOUR)
    process = tailgate.watch()
    aws.wait_for(lambda: any("203.0.113.9" in message.subject for message in aws.sns.messages), 60)
    tailgate.stop(process)
    assert connections(tailgate) == [9]


@pytest.mark.parametrize("aws", [3000], indirect=True)
@pytest.mark.parametrize("days", [2, 1])
def test_what_comes_late_is_found_before_it_is_deleted(tailgate, aws, days):
    keep(aws, days)
    process = tailgate.watch(since="1h")
    aws.wait_for(lambda: asked(aws) >= 1, 30)
    put(aws, 9, 0, late=4 * HOUR)
    aws.wait_for(lambda: aws.sns.messages, 120)
    tailgate.stop(process)
    assert connections(tailgate) == [9]


@pytest.mark.parametrize("aws", [600], indirect=True)
def test_backfill_does_not_call_read_what_is_deleted(tailgate, aws):
    keep(aws, 1)
    read_and_stop(tailgate, aws)
    done = tailgate.call("backfill", "--since", "3d", "--log-group", GROUP, *tailgate.networks(), "--no-publish", status=4)
    assert "does not keep its events that long" in done.stderr

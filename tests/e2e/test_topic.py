# SPDX-License-Identifier: Apache-2.0
"""A topic that takes no alerts for long: what is said of it, and the second topic that gets them as well."""

import json
import signal

import pytest
from aws import Loopback, faults
from harness import GROUP, Tailgate, row, wait_minutes

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


@pytest.fixture
def second(aws, tailgate):
    """The second topic; it is configured."""
    topic = aws.sns.create("second")
    tailgate.config = tailgate.folder / "c.yaml"
    tailgate.config.write_text(f"alerts: {{fallback_topic_arn: '{topic}'}}\n")
    return topic


def put(aws, number, user="app"):
    aws.logs.put(GROUP, "s", [(aws.clock.now_ms(), row(f"203.0.113.{number}", number, user=user))])


def refuse(aws, topic, fault="topic_not_found"):
    return aws.faults.add("sns", "Publish", fault, times=None, when=lambda call: call.parameters["TopicArn"] == topic)


def taken(aws, topic):
    """What a topic took, as (connection id, or the kind of a notice; alert id)."""
    return [m for m in aws.sns.messages if m.topic == topic]


def numbers(messages):
    return [int(m.subject.rsplit("203.0.113.", 1)[1].split()[0].strip(",")) for m in messages if "203.0.113." in m.subject]


def notices(messages):
    return [m.subject for m in messages if m.attributes["rule"] == "tailgate"]


def status(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)


@pytest.mark.parametrize("fault", ["topic_not_found", "kms_access_denied", "service_unavailable", "throttled"])
def test_alerts_go_to_the_second_topic_until_the_first_works(tailgate, aws, second, fault):
    process = tailgate.watch("--config", tailgate.config)
    put(aws, 1)
    aws.wait_for(lambda: numbers(taken(aws, tailgate.topic)) == [1], 30)
    began = aws.clock.now_ms()
    refuse(aws, tailgate.topic, fault)
    put(aws, 2)
    aws.wait_for(lambda: len(taken(aws, second)) == 2, 60)
    assert aws.clock.now_ms() - began >= 15 * 60_000
    put(aws, 3)
    aws.wait_for(lambda: len(taken(aws, second)) == 3, 30)
    told = status(tailgate)
    assert not told["well"] and told["alerts"]["refusing_topic"] == tailgate.topic and told["alerts"]["refused_since"]
    assert told["alerts"]["waiting"] == 3
    aws.faults.clear()
    aws.wait_for(lambda: len(taken(aws, tailgate.topic)) == 4, 30)
    put(aws, 4)
    aws.wait_for(lambda: len(taken(aws, tailgate.topic)) == 5, 30)
    aws.wait_for(lambda: (told := status(tailgate))["well"] and told["alerts"]["refused_since"] is None, 60)
    wait_minutes(aws, 10)
    assert tailgate.stop(process) == 0
    first = taken(aws, tailgate.topic)
    assert sorted(numbers(first)) == [1, 2, 3, 4] and sorted(numbers(taken(aws, second))) == [2, 3]
    assert notices(first) == notices(taken(aws, second)) == ["tailgate high: a topic takes no alerts"]
    ids = {m.attributes["alert_id"] for m in first}
    assert {m.attributes["alert_id"] for m in taken(aws, second)} < ids and len(ids) == 5
    log = process.log.read_text()
    assert log.count("has taken no alert since") == 1 and f"they go to {second}, too" in log


def test_the_time_runs_on_over_restarts_and_no_copy_is_made_twice(tailgate, aws, second):
    entry = refuse(aws, tailgate.topic)
    process = tailgate.watch("--config", tailgate.config)
    put(aws, 1)
    aws.wait_for(lambda: entry.used, 30)
    wait_minutes(aws, 5)
    tailgate.stop(process)
    wait_minutes(aws, 11)
    for _ in range(3):
        process = tailgate.watch("--config", tailgate.config)
        aws.wait_for(lambda: len(taken(aws, second)) == 2, 30)
        wait_minutes(aws, 5)
        tailgate.stop(process)
    assert numbers(taken(aws, second)) == [1] and len(notices(taken(aws, second))) == 1
    aws.faults.clear()
    process = tailgate.watch("--config", tailgate.config)
    aws.wait_for(lambda: len(taken(aws, tailgate.topic)) == 2, 30)
    tailgate.stop(process)
    assert len(taken(aws, second)) == 2


def test_a_copy_that_may_have_arrived_keeps_its_id(tailgate, aws, second):
    refuse(aws, tailgate.topic)
    lost = aws.faults.add("sns", "Publish", "lost_response", times=2, when=lambda call: call.parameters["TopicArn"] == second)
    process = tailgate.watch("--config", tailgate.config)
    put(aws, 1)
    aws.wait_for(lambda: lost.used == 2 and len(taken(aws, second)) == 4, 60)
    wait_minutes(aws, 5)
    tailgate.stop(process)
    assert len(taken(aws, second)) == 4 and len({m.attributes["alert_id"] for m in taken(aws, second)}) == 2


def test_a_first_topic_that_hangs_does_not_keep_the_second_waiting(tailgate, aws, second):
    """Each attempt at the first lasts until it times out, a minute of real time; one is under way at most."""
    refuse(aws, tailgate.topic)
    process = tailgate.watch("--config", tailgate.config)
    put(aws, 1)
    aws.wait_for(lambda: len(taken(aws, second)) == 2, 60)
    for number in range(2, 5):
        put(aws, number)
        aws.wait_for(lambda number=number: number in numbers(taken(aws, second)), 30)
    tailgate.stop(process)


def test_a_storm_meanwhile_is_summarised_for_both(tailgate, aws, second):
    entry = refuse(aws, tailgate.topic)
    process = tailgate.watch("--config", tailgate.config)
    put(aws, 1)
    aws.wait_for(lambda: len(taken(aws, second)) == 2, 60)
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(now, row(f"198.51.100.{n}", n, "FAILED_CONNECT", database="", code=1045)) for n in range(100)])
    aws.wait_for(lambda: any("100 findings" in m.subject for m in taken(aws, second)), 60)
    wait_minutes(aws, 3)
    assert len(taken(aws, second)) < 12
    aws.faults.clear()
    aws.wait_for(lambda: status(tailgate)["alerts"]["waiting"] == 0, 60)
    tailgate.stop(process)
    assert entry.used and len(taken(aws, tailgate.topic)) < 12
    assert len(tailgate.findings()) == 102
    assert all(f["alert_sent"] for f in tailgate.findings())


def test_without_a_second_topic_it_is_said_and_the_heartbeat_stops(tailgate, aws):
    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.cloudwatch.values) >= 2, 30)
    refuse(aws, tailgate.topic)
    put(aws, 1)
    aws.wait_for(lambda: status(tailgate)["alerts"]["refused_since"], 30)
    beats = len(aws.cloudwatch.values)
    aws.wait_for(lambda: status(tailgate)["notices"], 30)
    assert len(aws.cloudwatch.values) > beats, "a quarter of an hour is not long"
    wait_minutes(aws, 3)
    beats = len(aws.cloudwatch.values)
    wait_minutes(aws, 8)
    assert len(aws.cloudwatch.values) == beats, "who can tell nobody does not look alive"
    assert "no alerts.fallback_topic_arn is given" in process.log.read_text()
    assert [n["kind"] for n in status(tailgate)["notices"]] == ["topic-refuses"]
    assert tailgate.topic in tailgate.call("status", status=1).stdout
    aws.faults.clear()
    aws.wait_for(lambda: len(aws.cloudwatch.values) > beats and len(taken(aws, tailgate.topic)) == 2, 60)
    assert tailgate.stop(process) == 0
    assert numbers(taken(aws, tailgate.topic)) == [1]


def test_with_a_second_topic_the_heartbeat_goes_on(tailgate, aws, second):
    refuse(aws, tailgate.topic)
    process = tailgate.watch("--config", tailgate.config)
    put(aws, 1)
    aws.wait_for(lambda: len(taken(aws, second)) == 2, 60)
    beats = len(aws.cloudwatch.values)
    aws.wait_for(lambda: len(aws.cloudwatch.values) > beats + 3, 30)
    refused = refuse(aws, second)
    put(aws, 2)
    aws.wait_for(lambda: refused.used, 30)
    wait_minutes(aws, 3)
    beats = len(aws.cloudwatch.values)
    wait_minutes(aws, 6)
    assert len(aws.cloudwatch.values) == beats
    tailgate.stop(process)


def test_one_message_that_is_refused_is_not_the_topic(tailgate, aws, second):
    """Others are taken meanwhile, so the topic works."""
    entry = aws.faults.add("sns", "Publish", faults.Error("bad", "InvalidParameter", "Invalid parameter: Subject"), times=None,
                           when=lambda call: "203.0.113.1" in call.parameters["Subject"])
    process = tailgate.watch("--config", tailgate.config)
    put(aws, 1)
    aws.wait_for(lambda: entry.used, 30)
    for number in range(2, 9):
        wait_minutes(aws, 4)
        put(aws, number)
        aws.wait_for(lambda number=number: number in numbers(taken(aws, tailgate.topic)), 30)
    tailgate.stop(process)
    assert entry.used > 1 and not taken(aws, second)


@pytest.mark.parametrize("alerts, says", [
    ("{fallback_topic_arn: 'arn:aws:sns:eu-west-1:123456789012:a'}", "which is not given"),
    ("{topic_arn: 'arn:aws:sns:eu-west-1:123456789012:a', fallback_topic_arn: 'arn:aws:sns:eu-west-1:123456789012:a'}", "is the same as"),
    ("{topic_arn: 'arn:aws:sns:eu-west-1:123456789012:a', fallback_topic_arn: b}", "is not an ARN"),
])
def test_a_configuration_that_makes_no_sense(tailgate, tmp_path, alerts, says):
    (tmp_path / "c.yaml").write_text(f"alerts: {alerts}\n")
    done = tailgate.call("run", "--config", tmp_path / "c.yaml", "--log-group", GROUP, *tailgate.networks(), status=2)
    assert "fallback_topic_arn" in done.stderr and says in done.stderr


@pytest.mark.parametrize("on_its_way", [False, True])
def test_the_second_topic_becomes_the_first(tailgate, aws, second, on_its_way):
    """What was copied there is told, also when its answer comes after the change; nothing comes twice."""
    def configure(alerts):
        path = tailgate.folder / "run.yaml"
        path.write_text(f"sources: [{{log_group: {GROUP}}}]\nnetworks: {{vpc: [172.31.0.0/16, 10.0.0.0/16]}}\n"
                        f"rules: [{{name: outside, outside: [vpc]}}]\nrequests_per_second: 50\nalerts: {alerts}\n")
        return path

    refuse(aws, tailgate.topic)
    held = aws.faults.add("sns", "Publish", "stall", after=1, when=lambda call: on_its_way and call.parameters["TopicArn"] == second)
    process = tailgate.start("run", "--since", "1h", "--config",
                             configure(f"{{topic_arn: '{tailgate.topic}', fallback_topic_arn: '{second}'}}"))
    put(aws, 1)
    aws.wait_for(lambda: len(taken(aws, second)) == 2, 60)
    configure(f"{{topic_arn: '{second}'}}")
    process.send_signal(signal.SIGHUP)
    aws.wait_for(lambda: "configuration read again" in process.log.read_text(), 30)
    held.release()
    aws.wait_for(lambda: not status(tailgate)["alerts"]["waiting"], 60)
    assert tailgate.stop(process) == 0
    ids = [message.attributes["alert_id"] for message in taken(aws, second)]
    assert len(ids) == 2 == len(set(ids)) and held.used == on_its_way

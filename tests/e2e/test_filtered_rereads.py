# SPDX-License-Identifier: Apache-2.0
"""Re-reads for which the service leaves out what no rule can tell anything of."""

import pytest
from aws import Loopback, faults
from harness import GROUP, Tailgate, row, wait_minutes

MINUTE = 60_000
HOUR = 60 * MINUTE


@pytest.fixture
def aws(request):
    with Loopback(speed=getattr(request, "param", 300)) as loopback:  # five minutes in a second
        loopback.logs.create(GROUP)
        yield loopback
        assert not loopback.defects


@pytest.fixture
def tailgate(aws, tmp_path):
    program = Tailgate(aws, tmp_path)
    yield program
    program.stop_all()


def statement(number, text="SELECT 1"):
    return f"20261122 14:08:14,ip-172-31-0-10,app,10.0.0.7,5,{number},QUERY,prod,'{text}',0"


def start(tailgate, aws, *words):
    process = tailgate.watch(*words, since="1m")
    aws.wait_for(lambda: aws.calls("logs", "FilterLogEvents"), 30)
    return process


def put(aws, lines, late=0):
    """Rows of now, which arrive later; all at once."""
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(now, line, now + late, now + late) for line in lines])
    return now


def rereads(aws, time):
    """For each time that this instant was read again behind the tip: its age, and whether with a filter."""
    calls = [call.parameters for call in aws.calls("logs", "FilterLogEvents")]
    return [call for call in calls if call["startTime"] <= time <= call["endTime"] and "nextToken" not in call]


def told(tailgate):
    return sorted((finding["kind"], finding["connection_id"]) for finding in tailgate.findings() if finding["kind"] != "fragment")


def test_late_rows_of_every_kind_are_found(tailgate, aws):
    process = start(tailgate, aws)
    now = put(aws, [
        row("203.0.113.1", 1), row("203.0.113.2", 2, "FAILED_CONNECT", code=1045), row("", 0, "DISCONNECT", user="", database="", code=1040),
        "20261122 14:08:14,ip-172-31-0-10,torn',0", "p,203.0.113.3,3,0,FAILED_CONNECT,,,1045",
        row("203.0.113.4", 4, user="x\n20261122 14:08:14,ip-172-31-0-10,y"), row("203.0.113.5", 5, user="a,10.0.0.5,9,0,CONNECT,p,,0"),
        row("203.0.113.6", 6, database="',0"), "20261122 14:08:14,srv,a,10.0.0.4,5,7,QUERY,p,',203.0.113.7,7,0,CONNECT,',1064",
        statement(70, "CREATE DATABASE `a,b`"), *map(statement, range(80, 90)),
    ], late=4 * MINUTE)

    def filtered():
        """Reads behind the tip that left out what they could."""
        found = [call for call in rereads(aws, now) if call["endTime"] < now + 3 * MINUTE and call["endTime"] - call["startTime"] < 5 * MINUTE]
        return sum("filterPattern" in call for call in found)

    expected = [*(("connection", number) for number in range(8)), ("hostile-name", None)]
    aws.wait_for(lambda: filtered() >= 2 and told(tailgate) == expected, 60)
    tailgate.stop(process)
    heads = [finding["message"] for finding in tailgate.findings() if finding["kind"] == "fragment"]
    assert "20261122 14:08:14,ip-172-31-0-10,torn',0" in heads
    assert all("late" in finding["marks"] for finding in tailgate.findings())


def test_a_torn_row_whose_rest_came_in_time_is_not_told_again(tailgate, aws):
    process = start(tailgate, aws)
    now = put(aws, ["20261122 14:08:14,ip-172-31-0-10,we", "ird,10.0.0.7,5,77,QUERY,prod,'SELECT 1',0", row("203.0.113.1", 1)])
    aws.wait_for(lambda: any("filterPattern" in call for call in rereads(aws, now)), 60)
    wait_minutes(aws, 10)
    tailgate.stop(process)
    assert [finding["kind"] for finding in tailgate.findings()] == ["connection"]


@pytest.mark.parametrize("aws", [3600], indirect=True)
def test_the_deepest_re_read_is_whole(tailgate, aws):
    """What only neighbours tell of each other is told then: a row cut within its operation, of which the first piece is told before."""
    process = start(tailgate, aws)
    now = put(aws, ["20261122 14:08:14,ip-172-31-0-10,app,203.0.113.9,27,0,FAILED_CONN", "ECT,,,1045"], late=HOUR)
    aws.wait_for(lambda: aws.sns.messages, 60)
    assert [finding["kind"] for finding in tailgate.findings()] == ["fragment"]
    aws.wait_for(lambda: len(aws.sns.messages) == 2, 120)
    tailgate.stop(process)
    assert told(tailgate) == [("connection", 27)]
    deepest = rereads(aws, now)[-1]
    assert "filterPattern" not in deepest
    assert any("filterPattern" in call for call in rereads(aws, now))


def test_a_service_that_refuses_the_filter_is_asked_without(tailgate, aws):
    refusal = faults.Error("refused_filter", "InvalidParameterException", "Failed to compile regular expression.", 400)
    refused = aws.faults.add("logs", "FilterLogEvents", refusal, times=None, when=lambda call: "filterPattern" in call.parameters)
    process = start(tailgate, aws)
    put(aws, [row("203.0.113.1", 1)], late=4 * MINUTE)
    aws.wait_for(lambda: refused.used and told(tailgate) == [("connection", 1)], 60)
    status = tailgate.call("status", status=None).stdout
    wait_minutes(aws, 10)
    tailgate.stop(process)
    assert refused.used == 1
    assert process.log.read_text().count("without a filter") == 1 and "InvalidParameter" not in status


@pytest.mark.parametrize("words", [("--filter", "CONNECT"), ("--log-group", "/other/group")])
def test_what_may_matter_otherwise_is_read_whole(tailgate, aws, words):
    """With a rule of text; and a log whose format nobody said."""
    aws.logs.create("/other/group")
    options = tailgate.networks() if words[0] == "--log-group" else ["--log-group", GROUP]
    process = tailgate.start("run", *options, *words, "--since", "1m", "--requests-per-second", "50", "--topic-arn", tailgate.topic)
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) > 40, 60)
    tailgate.stop(process)
    assert not any("filterPattern" in call.parameters for call in aws.calls("logs", "FilterLogEvents"))

# SPDX-License-Identifier: Apache-2.0
"""Late events: found by re-reads, which they move; and what `status` says of reading over time."""

import json

import pytest
from aws import Loopback
from harness import GROUP, Tailgate, row

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


def status(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)


def start(tailgate, aws, since):
    process = tailgate.watch(since=since)
    aws.wait_for(lambda: aws.calls("logs", "FilterLogEvents"), 30)
    return process


def put_late(aws, number, delay):
    """A row that can be read only `delay` after its time."""
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(now, row(f"203.0.113.{number}", number), now + 1000, now + delay)])


def test_late_events_move_the_re_reads(tailgate, aws):
    process = start(tailgate, aws, "1m")
    for number in range(1, 13):
        put_late(aws, number, 4 * MINUTE)
        aws.wait_for(lambda number=number: len(aws.sns.messages) >= number, 60)
    source = status(tailgate)["sources"][0]
    tailgate.stop(process)
    findings = tailgate.findings()
    assert {f["connection_id"] for f in findings} == set(range(1, 13)) and len(findings) == 12
    assert all("late" in f["marks"] for f in findings)
    assert source["late_ms"]["p50"] >= 3 * MINUTE and source["late_ms"]["max"] < 24 * 60 * MINUTE
    # The first re-read and the overlap of the newest come later and reach further than without late events.
    assert 2 * MINUTE < source["ages_ms"][0] <= 9 * MINUTE
    assert MINUTE < source["overlap_ms"] <= 8 * MINUTE
    assert source["ages_ms"] == sorted(source["ages_ms"]) and source["ages_ms"][-1] == 24 * 60 * MINUTE


def test_rows_in_time_are_not_late(tailgate, aws):
    process = start(tailgate, aws, "1m")
    for number in range(1, 5):
        put_late(aws, number, 0)
        aws.wait_for(lambda number=number: len(aws.sns.messages) >= number, 60)
    end = aws.clock.now_ms() + 15 * MINUTE  # the re-reads at two and ten minutes have been made
    aws.wait_for(lambda: aws.clock.now_ms() > end, 60)
    source = status(tailgate)["sources"][0]
    tailgate.stop(process)
    assert not any("late" in f["marks"] for f in tailgate.findings())
    assert source["overlap_ms"] == MINUTE and source["ages_ms"][:2] == [2 * MINUTE, 10 * MINUTE]


def test_status_tells_what_reading_costs(tailgate, aws):
    process = start(tailgate, aws, "1m")
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 5, 30)
    told = status(tailgate)
    tailgate.stop(process)
    made = len(aws.calls("logs", "FilterLogEvents"))
    [budget] = told["requests"]
    assert 5 <= budget["taken"] <= made and budget["share_of_rate"] == 1
    assert told["pace"]["poll_interval_ms"] == 5000 and told["pace"]["worst_delay_ms"] == 5020
    text = tailgate.call("status", status=None).stdout
    assert "requests" in text and "a row is read at most 5s after it can be" in text


def test_a_busy_log_reads_its_newest_again_less_often(tailgate, aws):
    aws.logs.page_events = 10
    now = aws.clock.now_ms()
    times = [now - 50_000 + n * 1000 for n in range(20 * 60)]
    aws.logs.put(GROUP, "s", [(time, row("10.0.0.1", n), time, time) for n, time in enumerate(times)])
    process = start(tailgate, aws, "1m")

    def overlap():
        return status(tailgate)["sources"][0]["overlap_every"]

    aws.wait_for(lambda: overlap() > 1, 30)
    aws.wait_for(lambda: overlap() == 1, 60)  # the busy time is over
    tailgate.stop(process)


def test_a_past_period_tells_how_it_was_read(tailgate, aws):
    process = start(tailgate, aws, "1h")
    aws.wait_for(lambda: not status(tailgate)["sources"][0]["gaps"] and status(tailgate)["sources"][0]["behind_ms"] < MINUTE, 60)
    begin = aws.clock.now_ms() - 40 * MINUTE
    done = tailgate.call("status", "--since", begin, "--until", begin + 10 * MINUTE, "--output", "json")
    tailgate.stop(process)
    period = json.loads(done.stdout)
    assert period["read"] and not period["gaps"]
    assert period["stretches"] and all(s["reads"] >= 1 and s["age_ms"] > 0 for s in period["stretches"])


def test_windows_grow_again_after_dead_tokens(tailgate, aws):
    """A window whose token dies is cut to its half; a last page without events must not keep the next ones that short."""
    aws.logs.empty_last_page = True
    aws.faults.add("logs", "FilterLogEvents", "expiring_token", times=15,
                   when=lambda call: call.parameters["endTime"] < aws.clock.now_ms() - 10 * MINUTE)
    begin = aws.clock.now_ms() - 24 * 60 * MINUTE
    process = start(tailgate, aws, "24h")
    widths = []

    def reaches_back():
        asked = [call.parameters for call in aws.calls("logs", "FilterLogEvents")]
        widths[:] = [each["endTime"] - each["startTime"] for each in asked]
        return min(each["startTime"] for each in asked) <= begin + MINUTE

    aws.wait_for(reaches_back, 20)
    tailgate.stop(process)
    assert min(widths) < MINUTE

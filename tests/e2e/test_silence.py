# SPDX-License-Identifier: Apache-2.0
"""Database servers that fall silent: told once, also over a restart, and again when they are heard; never for tailgate's own blindness."""

import json
import threading
from datetime import datetime

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


class Database:
    """A server whose health check connects once a minute; its rows can be read when they are written."""

    def __init__(self, aws, name, stream):
        self.aws, self.name, self.stream, self.count = aws, name, stream, 0

    def write(self, start, minutes):
        """From a time on, so many rows; returns when the last one is written."""
        times = [start + n * MINUTE for n in range(minutes)]
        rows = [(t, row("10.0.0.1", 100 + self.count + n, server=self.name), t, t) for n, t in enumerate(times)]
        self.count += minutes
        self.aws.logs.put(GROUP, self.stream, rows)
        return times[-1]


def milliseconds(text):
    return datetime.fromisoformat(text).timestamp() * 1000


def source(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)["sources"][0]


def servers(tailgate):
    return {server["name"]: server for server in source(tailgate)["servers"]}


def told(aws):
    """Of servers: that a log cannot be read is another matter."""
    return [m for m in aws.sns.messages if m.attributes["rule"] == "tailgate" and "a database server is" in m.subject]


def wait_until(aws, time):
    """Also while nobody asks anything."""
    timer = threading.Timer(aws.clock.real_seconds_until(time + 1000), aws.wake)
    timer.start()
    aws.wait_for(lambda: aws.clock.now_ms() > time, 60)
    timer.join()


def wait_until_read(tailgate, aws, time):
    """Wait until everything up to a time has been read and judged."""
    wait_until(aws, time)
    aws.wait_for(lambda: milliseconds(source(tailgate)["read_to"]) > time and not source(tailgate)["gaps"], 60)


def start(tailgate, aws):
    process = tailgate.watch(since="1m")
    aws.wait_for(lambda: aws.calls("logs", "FilterLogEvents"), 30)
    return process


@pytest.mark.parametrize("streams", [("orders-1", "orders-2"), ("orders", "orders")], ids=["two streams", "one stream"])
def test_one_of_two_falls_silent(tailgate, aws, streams):
    process = start(tailgate, aws)
    begin = aws.clock.now_ms()
    one, other = (Database(aws, f"srv-{n}", stream) for n, stream in enumerate(streams, 1))
    one.write(begin, 400)
    last = other.write(begin, 65)
    wait_until_read(tailgate, aws, last)
    before = servers(tailgate)
    assert not told(aws) and [before[name]["state"] for name in ("srv-1", "srv-2")] == ["heard", "heard"]
    assert before["srv-2"]["stream"] == streams[1] and before["srv-2"]["silent_since"] is None
    assert MINUTE <= before["srv-2"]["longest_pause_ms"] < 2 * MINUTE and before["srv-2"]["limit_ms"] < 15 * MINUTE
    aws.wait_for(lambda: told(aws), 60)
    after = servers(tailgate)
    assert after["srv-1"]["state"] == "heard" and after["srv-2"]["state"] == "silent"
    assert milliseconds(after["srv-2"]["silent_since"]) == last

    # Once, also after a restart that lasts.
    tailgate.stop(process)
    wait_until(aws, aws.clock.now_ms() + 10 * MINUTE)
    process = start(tailgate, aws)
    wait_until_read(tailgate, aws, aws.clock.now_ms() + 20 * MINUTE)
    (message,) = told(aws)
    assert message.subject == f"tailgate high: a database server is silent, {GROUP}"
    assert "srv-2" in message.message and f"log stream {streams[1]}" in message.message and GROUP in message.message
    assert "SILENT, which was told" in tailgate.call("status", status=None).stdout

    # And that its rows come again.
    other.write(aws.clock.now_ms(), 30)
    aws.wait_for(lambda: len(told(aws)) == 2, 60)
    again = told(aws)[1]
    assert again.subject == f"tailgate low: a database server is heard again, {GROUP}" and "srv-2" in again.message
    assert servers(tailgate)["srv-2"]["state"] == "heard"
    tailgate.stop(process)
    notices = tailgate.findings("--rule", "tailgate")
    assert [(n["kind"], n["severity"], n["server"], n["log_stream"]) for n in notices] == \
        [("silence", "high", "srv-2", streams[1]), ("heard-again", "low", "srv-2", streams[1])]
    assert notices[0]["event_time"] == after["srv-2"]["silent_since"]
    assert len(tailgate.findings()) == 2 and len(told(aws)) == 2


def test_who_is_throttled_says_nothing(tailgate, aws):
    """Neither while nothing can be read nor when it can be again; but what is silent then is told."""
    process = start(tailgate, aws)
    begin = aws.clock.now_ms()
    one, other = Database(aws, "srv-1", "one"), Database(aws, "srv-2", "two")
    one.write(begin, 400)
    last = other.write(begin, 65)
    wait_until_read(tailgate, aws, last)
    aws.faults.add("logs", "FilterLogEvents", "throttle", times=None)
    wait_until(aws, last + 30 * MINUTE)
    assert not told(aws)
    aws.faults.clear()
    aws.wait_for(lambda: told(aws), 60)
    wait_until_read(tailgate, aws, aws.clock.now_ms() + 10 * MINUTE)
    tailgate.stop(process)
    (message,) = told(aws)
    assert "srv-2" in message.message and servers(tailgate)["srv-1"]["state"] == "heard"


def test_a_pause_every_night_is_learned(tailgate, aws):
    process = start(tailgate, aws)
    database = Database(aws, "srv-1", "orders")
    end = database.write(aws.clock.now_ms(), 65)
    for day in range(2):
        end = database.write(end + 25 * MINUTE, 20)
    wait_until_read(tailgate, aws, end)
    tailgate.stop(process)
    assert [n["kind"] for n in tailgate.findings("--rule", "tailgate")] == ["silence", "heard-again"]
    server = servers(tailgate)["srv-1"]
    assert server["longest_pause_ms"] == 25 * MINUTE and server["limit_ms"] >= 100 * MINUTE


def test_rows_in_another_stream_keep_nobody_alive(tailgate, aws):
    """What a client of one server writes in the name of another is in the wrong stream."""
    process = start(tailgate, aws)
    begin = aws.clock.now_ms()
    one, other = Database(aws, "srv-1", "one"), Database(aws, "srv-2", "two")
    one.write(begin, 400)
    last = other.write(begin, 65)
    Database(aws, "srv-2", "one").write(last + MINUTE, 300)
    aws.wait_for(lambda: told(aws), 60)
    tailgate.stop(process)
    assert "server srv-2 (log stream two)" in told(aws)[0].message
    assert told(aws)[0].attributes["severity"] == "high"

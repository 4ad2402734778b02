# SPDX-License-Identifier: Apache-2.0
"""A storm: guesses by the thousand, under which one success must not go down."""

import json
import random

import pytest
from aws import Loopback
from harness import GROUP, Tailgate, row

FAILURES = 100_000
ADDRESSES = 50
SECOND = 1000
PER_EVENT = 20  # rows in one event, as RDS ships them when there are many


@pytest.fixture
def aws():
    with Loopback(speed=1) as loopback:
        loopback.logs.create(GROUP)
        yield loopback
        assert not loopback.defects


@pytest.fixture
def tailgate(aws, tmp_path):
    program = Tailgate(aws, tmp_path)
    yield program
    program.stop_all()


def storm(now, draw):
    """A minute of wrong passwords from fifty addresses, each under a name of its own."""
    failures = [row(f"203.0.113.{draw.randrange(ADDRESSES)}", 100_000 + n, "FAILED_CONNECT", database="", code=1045,
                    user=f"{draw.getrandbits(64):x}") for n in range(FAILURES)]
    lines = range(0, FAILURES, PER_EVENT)
    return [(now - 60 * SECOND + 60 * SECOND * n // FAILURES, "\n".join(failures[n:n + PER_EVENT])) for n in lines]


def worst_second(messages):
    times = sorted(m.accepted_ms for m in messages)
    return max(sum(t <= u < t + SECOND for u in times) for t in times)


def test_a_storm_is_stored_whole_and_told_in_few_messages(tailgate, aws):
    draw = random.Random(7)
    begin = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", storm(begin, draw))
    process = tailgate.watch(since="2m")
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 2, 60)
    entered = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(entered, row("198.51.100.77", 999_999, user="app"))])
    aws.wait_for(lambda: any("198.51.100.77" in m.message for m in aws.sns.messages), 120)
    told = aws.clock.now_ms()

    def state():
        return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)

    def quiet():
        now = state()
        return now["findings"] == FAILURES + 1 and not now["alerts"]["waiting"] and not now["sources"][0]["gaps"]

    while not quiet():
        count = len(aws.requests)
        aws.wait_for(lambda count=count: len(aws.requests) > count, 60)
    ended = aws.clock.now_ms()
    tailgate.stop(process)
    [success] = [m for m in aws.sns.messages if "198.51.100.77" in m.message]
    seconds = (ended - begin) / SECOND
    print(f"{FAILURES + 1} findings, {len(aws.sns.messages)} messages in {seconds:.0f} s, at most {worst_second(aws.sns.messages)} in one; "
          f"the success was told {(told - entered) / SECOND:.1f} s after it could be read")
    assert success.attributes["severity"] == "high" and "198.51.100.77" in success.subject
    assert len(aws.sns.messages) <= 5 + seconds + 1 and worst_second(aws.sns.messages) <= 5
    # It does not wait behind those of the storm: no more are sent before it than the breaker lets through at once.
    assert aws.sns.messages.index(success) <= 5
    kinds = {f["address"] for f in tailgate.findings("--severity", "high")}
    assert kinds == {"198.51.100.77"}

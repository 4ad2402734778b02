#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many sources on one agent for a simulated day: is the budget kept, is the delay what `status` says, does memory stay flat?

    TAILGATE=build/check/tailgate python3 tests/bench/many_sources.py [--sources N] [--hours N] [--speed N]

The agent watches N log groups of the loopback AWS with its usual two requests a second.  Every minute one of the groups, drawn by
chance, gets a row of a connection from outside; every group has rows of connections from inside now and then.  All times are the
simulated ones.  Exits with 1 when something is lost, over the budget, later than stated, or larger than it may be.
"""

import argparse
import collections
import json
import os
import random
import re
import sqlite3
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

from aws import Loopback  # noqa: E402
from harness import Tailgate, row  # noqa: E402

MINUTE = 60_000
HOUR = 60 * MINUTE
MEMORY_MAX_MIB = 32
RATE = 2  # requests a second
BURST = 5  # what the budget's bucket holds


def resident_mib(process):
    return int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024


def feed(aws, groups, draw, number):
    """One row from outside, and some from inside."""
    now = aws.clock.now_ms()
    aws.logs.put(draw.choice(groups), "s", [(now, row("203.0.113.5", number, user=f"user{number}"))])
    for group in draw.sample(groups, 10):
        aws.logs.put(group, "s", [(now, row(f"10.0.0.{draw.randint(1, 250)}", 1000 + number))])


def delays(tailgate):
    """From a row's time, when it also became readable, until it was found, of each row from outside."""
    database = sqlite3.connect(f"file:{tailgate.state}?mode=ro", uri=True)
    found = database.execute("SELECT connection_id, seen_at - event_time FROM finding WHERE rule != 'tailgate'").fetchall()
    database.close()
    return dict(found), len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--speed", type=int, default=100)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder, Loopback(speed=options.speed) as aws:
        tailgate = Tailgate(aws, Path(folder))
        groups = [f"/aws/rds/instance/db{n}/audit" for n in range(options.sources)]
        for group in groups:
            aws.logs.create(group)
        words = [word for group in groups for word in ("--log-group", group)]
        process = tailgate.start("run", *words, *tailgate.networks(), "--topic-arn", tailgate.topic)
        begin = aws.clock.now_ms()
        aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) > options.sources, 120)
        memory, fed, worst = [], 0, 0
        while aws.clock.now_ms() < begin + options.hours * HOUR:
            due = aws.clock.now_ms() + MINUTE
            feed(aws, groups, draw, fed + 1)
            fed += 1
            aws.wait_for(lambda due=due: aws.clock.now_ms() >= due, 120)
            if fed % 30 == 0:
                memory.append(resident_mib(process))
                worst = max(worst, json.loads(tailgate.call("status", "--output", "json", status=None).stdout)["pace"]["worst_delay_ms"])
        end = aws.clock.now_ms() + 2 * worst
        aws.wait_for(lambda: aws.clock.now_ms() >= end, 120)
        state = json.loads(tailgate.call("status", "--output", "json", status=None).stdout)
        tailgate.stop(process)
        found, count = delays(tailgate)
        # By the time in their signatures: when they arrive is, at this speed, a matter of milliseconds.
        seconds = collections.Counter(c.headers["x-amz-date"] for c in aws.calls("logs", "FilterLogEvents"))
        hours = (aws.clock.now_ms() - begin) / HOUR
    settled = [s["settled"] for s in state["sources"]]
    ok = {
        "every row from outside found once": len(found) == fed == count,
        "no more than the bucket in any second": max(seconds.values()) <= BURST + RATE,
        "the rate on the whole": sum(seconds.values()) <= RATE * hours * 3600 + BURST,
        "no row later than stated": max(found.values()) <= worst,
        f"at most {MEMORY_MAX_MIB} MiB": max(memory) <= MEMORY_MAX_MIB,
        "memory flat": memory[-1] <= 1.1 * memory[len(memory) // 4] + 1,
    }
    print(f"{options.sources} sources, {hours:.1f} simulated hours at {options.speed} times the speed")
    print(f"requests            {sum(seconds.values())}, {sum(seconds.values()) / hours / 3600:.2f} a second, at most {max(seconds.values())} in one "
          "second")
    print(f"delay               at most {max(found.values()) / 1000:.0f} s, median {sorted(found.values())[len(found) // 2] / 1000:.0f} s; "
          f"status says at most {worst / 1000:.0f} s")
    print(f"resident memory     {memory[0]:.1f} MiB at the beginning, {max(memory):.1f} at most, {memory[-1]:.1f} at the end")
    print(f"findings            {count} of {fed}; settled at the end: from {min(settled)} to {max(settled)}")
    for what, good in ok.items():
        print(f"{'ok ' if good else 'NOT'} {what}")
    sys.exit(0 if all(ok.values()) else 1)


if __name__ == "__main__":
    main()

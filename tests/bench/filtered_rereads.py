#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What re-reads with a filter save: requests and bytes of answers, with and without it, on the same log.

    TAILGATE=build/check/tailgate python3 tests/bench/filtered_rereads.py [--megabytes N ...] [--connections PERCENT] [--minutes N] [--speed N]

One log group whose log grows by N megabytes a minute is watched until all re-reads are made at their pace, and then measured for some
minutes of simulated time.  The deepest re-read, which is whole with and without, would come hours later: for it stands what it takes
to read an hour of yesterday's when the agent starts.  Without: the loopback AWS refuses filters, so all is read whole.  Rows are
statements, and of every hundred some begin or end a connection.  To be measured in minutes the log is a small one, with pages that are as much smaller:
requests are those of the full size, bytes are scaled up to it.

How many events the service looks at for one answer it does not document.  Its answers hold at most 1 MB, and may hold less, or
nothing, and still not be the last.  So there are two models: a page goes on until it is full of what matches (the fewest requests),
or ends when as many bytes have been looked at as a page may hold (then a filter saves no request, only bytes).
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]
os.environ.setdefault("TAILGATE", "tailgate")

from aws import Loopback, faults  # noqa: E402
from harness import GROUP, Tailgate, row  # noqa: E402

MINUTE = 60_000
HOUR = 60 * MINUTE
MEGABYTE = 1 << 20
ROWS_PER_MINUTE = 100
DEEPEST = "deepest re-read"
DEEPEST_MINUTES = 60
TEXT = "SELECT id, name, price FROM products WHERE category_id = 4711 AND price < 100 ORDER BY name LIMIT 20"


class Measured(faults.Fault):
    """No fault: the service's answers, and how long they are."""

    def __init__(self):
        self.answers = []

    def instead(self, service, call):
        answer = service.perform(call)
        asked = call.parameters
        if asked["endTime"] < call.server_ms - 20 * HOUR:
            kind = DEEPEST
        elif asked["endTime"] > call.server_ms:
            kind = "newest"
        else:
            kind = "re-reads with a filter" if "filterPattern" in asked else "re-reads, whole"
        self.answers.append((call.server_ms, kind, len(answer.body)))
        return answer


def message(number, connections):
    at, id_number = number % 100, number // 100
    if at < connections:
        return row(f"10.0.0.{number % 250}", id_number, ("CONNECT", "DISCONNECT")[at % 2])
    return f"20261122 14:08:14,ip-172-31-0-10,app,10.0.0.{number % 250},{id_number},{number},QUERY,prod,'{TEXT} -- {number}',0"


def fill(aws, now, minutes, connections):
    """An hour of yesterday's, the last hours, and what is to come, readable at its time."""
    yesterday = now - 24 * HOUR
    stretches = ((yesterday, yesterday + DEEPEST_MINUTES * MINUTE), (now - 2 * HOUR - 20 * MINUTE, now + minutes + HOUR))
    number = 0
    for begin, end in stretches:
        rows = []
        for time in range(begin, end, MINUTE // ROWS_PER_MINUTE):
            number += 1
            rows.append((time, message(number, connections), time, time))
        aws.logs.put(GROUP, "s", rows)
    return sum(len(line) for _, line, _, _ in rows) / len(rows)


def measure(options, megabytes, filtered, scanning):
    """Answers per minute and bytes per minute, by kind."""
    with tempfile.TemporaryDirectory() as folder, Loopback(speed=options.speed) as aws:
        tailgate = Tailgate(aws, Path(folder))
        now, minutes = aws.clock.now_ms(), options.minutes * MINUTE
        size = fill(aws, now, minutes, options.connections)
        aws.logs.page_bytes = int(size * ROWS_PER_MINUTE / megabytes)
        aws.logs.page_scan_bytes = aws.logs.page_bytes if scanning else None
        measured = Measured()
        if not filtered:
            refusal = faults.Error("refused", "InvalidParameterException", "Invalid filter pattern", 400)
            aws.faults.add("logs", "FilterLogEvents", refusal, times=None, when=lambda call: "filterPattern" in call.parameters)
        aws.faults.add("logs", "FilterLogEvents", measured, times=None)
        process = tailgate.start("run", "--log-group", GROUP, *tailgate.networks(), "--since", now - 24 * HOUR, "--requests-per-second",
                                 options.rate)
        begin = now + 35 * MINUTE  # what was missing has been read by then
        aws.wait_for(lambda: aws.clock.now_ms() >= begin + minutes, 3600)
        tailgate.stop(process)
    out = {}
    for time, kind, length in measured.answers:
        if kind == DEEPEST or begin <= time < begin + minutes:
            over = DEEPEST_MINUTES if kind == DEEPEST else options.minutes
            requests, total = out.get(kind, (0, 0))
            out[kind] = (requests + 1 / over, total + length / over * MEGABYTE / aws.logs.page_bytes)
    return out


def report(name, found):
    requests = sum(each for each, _ in found.values())
    total = sum(each for _, each in found.values()) / MEGABYTE
    kinds = ", ".join(f"{kind} {each:.1f} ({size / MEGABYTE:.1f} MB)" for kind, (each, size) in sorted(found.items()))
    print(f"  {name:34} {requests:6.1f} requests and {total:6.1f} MB a minute: {kinds}")
    return requests, total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, nargs="+", default=[1, 10])
    parser.add_argument("--connections", type=int, default=2, help="rows of connections in a hundred")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--speed", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10, help="requests a second the agent may make; enough for all")
    options = parser.parse_args()
    for megabytes in options.megabytes:
        print(f"a log of {megabytes:g} MB a minute, {options.connections} % of its rows of connections")
        whole = report("without a filter", measure(options, megabytes, False, False))
        for name, scanning in (("with, pages full of what matches", False), ("with, pages of 1 MB looked at", True)):
            found = report(name, measure(options, megabytes, True, scanning))
            print(f"  {'':34} saves {100 - 100 * found[0] / whole[0]:.0f} % of requests, {100 - 100 * found[1] / whole[1]:.0f} % of bytes")


if __name__ == "__main__":
    main()

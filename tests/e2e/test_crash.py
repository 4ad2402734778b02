# SPDX-License-Identifier: Apache-2.0
"""`run` killed at fifty moments: before, at and after commits and publishes."""

import ipaddress
import json
import random
from collections import Counter
from datetime import datetime

from harness import GROUP, captured_rows, fed_outside_ids

KILLS = 50
ROWS_EACH = 30  # fed before each start, so that there is something to commit and to publish

# The page's answer comes before its commit, a publish's answer before its mark. "stall": the request is never answered, so the
# kill falls before the commit, or between a publish that is not accepted and its mark; "lost_response": SNS has accepted, the agent
# does not know; None: the kill races with what follows the answer.
MOMENTS = [(service, action, fault) for service, action in (("logs", "FilterLogEvents"), ("sns", "Publish"))
           for fault in ("stall", "lost_response", None)]


def feed(aws, rows, number):
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "orders", [(now + i, row.decode(errors="replace"))
                                   for i, row in enumerate(rows[number * ROWS_EACH:(number + 1) * ROWS_EACH])])


def kill_at(tailgate, aws, service, action, fault, nth):
    """Start, wait for the nth request of a kind, and kill; whether that moment came."""
    before = len(aws.calls(service, action))
    entry = aws.faults.add(service, action, fault, after=nth - 1, times=1) if fault else None
    process = tailgate.watch()
    try:
        aws.wait_for(lambda: entry.used if entry else len(aws.calls(service, action)) >= before + nth, 3)
        came = True
    except TimeoutError:
        came = False  # nothing was left to tell: the kill falls into quiet, which must be harmless too
    process.kill()
    process.wait()
    aws.faults.clear()
    return came


def status(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)


def test_killed_at_fifty_moments(tailgate, aws):
    generator = random.Random(20261122)
    rows = captured_rows()[:KILLS * ROWS_EACH]
    aws.logs.page_events = 10
    came = Counter()
    for number in range(KILLS):
        moment = MOMENTS[number % len(MOMENTS)]
        feed(aws, rows, number)
        came[moment] += kill_at(tailgate, aws, *moment, nth=generator.randint(1, 3 if moment[0] == "logs" else 2))
    assert all(came[moment] >= 3 for moment in MOMENTS), came
    process = tailgate.watch()
    settle(tailgate, aws, process)
    check(tailgate, aws, rows)


def settle(tailgate, aws, process):
    """Let it read everything and tell everything, then stop it."""
    end = aws.clock.now_ms()
    state = None
    while state is None or state["alerts"]["waiting"] or state["sources"][0]["gaps"] or read_to(state) < end:
        count = len(aws.requests)
        aws.wait_for(lambda count=count: len(aws.requests) > count, 30)
        state = status(tailgate)
    assert tailgate.stop(process) == 0


def read_to(state):
    return datetime.fromisoformat(state["sources"][0]["read_to"]).timestamp() * 1000


def check(tailgate, aws, rows):
    findings = tailgate.findings()
    assert len({f["id"] for f in findings}) == len(findings)
    assert fed_outside_ids(rows) <= {f["connection_id"] for f in findings}
    # Of every kind something was told: by a message of its own, or by the summary that took its place.
    told = Counter(m.attributes["alert_id"] for m in aws.sns.messages)
    kinds = {}
    for finding in findings:
        kinds.setdefault(kind(finding), []).append(finding.get("alert"))
    assert all(any(alert in told for alert in alerts) for alerts in kinds.values())
    assert {f["alert"] for f in findings if "alert" in f} <= set(told)
    # A repeat only where the kill fell between publish and mark. One publish is under way at a time, also while a page is
    # being waited for, so a kill repeats at most one.
    assert sum(n - 1 for n in told.values()) <= KILLS


def kind(finding):
    """What folds findings into one message, computed anew: rule, client, outcome, and the user of a success."""
    client = finding["host"]
    if finding["address"]:
        address = ipaddress.ip_address(finding["address"])
        client = ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address
    success = finding["outcome"] == "success"
    return finding["rule"], client, success, finding["user"] if success else None

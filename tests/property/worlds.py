# SPDX-License-Identifier: Apache-2.0
"""Worlds: an AWS and an agent in which schedules of one kind happen at the same time, each in a log group of its own."""

import json
import random
import signal
import sqlite3
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from aws import Loopback, faults
from harness import NETWORKS, Tailgate

from schedules import LOST_ANSWERS, STS_FAULTS

START = 1_763_820_000_000  # of the simulated time, so that a seed makes the same times each time
PATIENCE = 60  # seconds that everything may take once its time has come, on a busy machine
LEAD = 5_000  # simulated milliseconds before the first row
SLOW_BYTE = 0.0001


class Row(NamedTuple):
    """One row from outside, as it must be found; times in simulated milliseconds."""

    group: str
    event_id: str
    line: int
    user: str
    connection_id: int
    written: int
    late: int


class World:
    """Feed it schedules, start the program, let it settle, and ask for what is wrong."""

    def __init__(self, schedules, folder, seed):
        self.schedules = schedules
        self.kind = kind = schedules[0].kind
        self.draw = random.Random(seed)
        self.aws = Loopback(START, kind.speed)
        # On its way through a busy machine a request may take minutes of this clock.
        self.aws.credentials.tolerance_min = 5 + 2 * kind.speed // 60
        for knob, value in kind.knobs.items():
            setattr(self.aws.logs, knob, value)
        self.tailgate = Tailgate(self.aws, Path(folder), "alerts.fifo" if kind.fifo else "alerts")
        if kind.imds:
            self.tailgate.environment = self._imds_environment()
        self.tailgate.environment |= self._clock()
        self.begin = self.aws.clock.now_ms() + LEAD
        self.end = self.begin + max(schedule.end for schedule in schedules)
        self.truth = {}
        self.torn = set()
        self.told_by_itself = set()  # findings of the rule tailgate when all had settled; on a fast clock more come before it stops
        self.excused = Counter()
        self._excused_to = 0
        self.process = None
        for schedule in schedules:
            self._feed(schedule)
            self._add_faults(schedule)
        self._add_sts_faults()
        self._configure(Path(folder))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tailgate.stop_all()
        self.aws.close()

    def _imds_environment(self):
        without = {name: value for name, value in self.tailgate.environment.items() if not name.startswith("AWS_")}
        return without | self.aws.imds_environment()

    def _clock(self):
        clock = self.aws.clock
        return {"TAILGATE_TEST_CLOCK": f"{clock.real_base_ms},{clock.virtual_base_ms + self.kind.skew},{clock.speed}"}

    def _feed(self, schedule):
        self.aws.logs.create(schedule.group)
        for event in schedule.events:
            times = (self.begin + event.time, "\n".join(event.lines), self.begin + event.ingestion, self.begin + event.readable)
            [event_id] = self.aws.logs.put(schedule.group, event.stream, [times])
            if event.torn:
                self.torn.add(event_id)
            for line, who in event.outside.items():
                self.truth[event_id, line] = Row(schedule.group, event_id, line, *who, event.time, event.readable - event.time)

    def _add_faults(self, schedule):
        def asks(call):
            return call.parameters.get("logGroupName") == schedule.group

        def tells(call):
            return schedule.group in call.parameters.values()

        for fault in schedule.faults:
            when = asks if fault.service == "logs" else tells
            self._add_fault(fault.service, fault.action, fault.name, fault.times, fault.after, when)

    def _add_fault(self, service, action, name, times, after=0, when=None):
        made = faults.Slow(SLOW_BYTE) if name == "slow" else name
        self.aws.faults.add(service, action, made, times=times, after=after, when=when)

    def _add_sts_faults(self):
        for name in self.draw.sample(STS_FAULTS, self.draw.randint(0, 3)):
            self._add_fault("sts", "*", name, 1)

    def _configure(self, folder):
        kind = self.kind
        lines = ["networks:", f"  vpc: [{', '.join(repr(network) for network in NETWORKS)}]", "sources:"]
        lines += [f"  - log_group: {schedule.group}" for schedule in self.schedules]
        lines += [f"poll_interval: {kind.poll}", f"requests_per_second: {kind.rate}", "alerts:",
                  f"  topic_arn: {self.tailgate.topic}", f"  fold: {kind.fold}", f"  format: {'ocsf' if kind.ocsf else 'text'}"]
        self.configuration = folder / "tailgate.yaml"
        self.configuration.write_text("\n".join(lines) + "\n")

    def start(self):
        """Start the program; only until it has read something it needs to be told from when on it is to watch."""
        words = [] if self.aws.calls("logs", "FilterLogEvents") else ["--since", str(self.begin - LEAD)]
        self.process = self.tailgate.start("run", "--config", str(self.configuration), *words)
        return self.process

    def live(self):
        """Until everything has happened, with a restart or a reload at some time; returns the exit status."""
        before = self._start_anew()
        for share in sorted(self.draw.random() for _ in range(self.draw.randint(0, 2))):
            self._wait_until(self.begin + int(share * (self.end - self.begin)))
            self._wait(lambda: self.aws.requests[before:], PATIENCE)  # until then, it may not heed signals
            if self.draw.random() < 0.5:
                self.process.send_signal(signal.SIGHUP)
            elif self.tailgate.stop(self.process) == 0:
                self.excuse()
                before = self._start_anew()
        self._wait_until(self.end)
        self._settle()
        return self.tailgate.stop(self.process)

    def _start_anew(self):
        """Returns how many requests came before."""
        before = len(self.aws.requests)
        self.start()
        return before

    def _wait_until(self, time):
        """Until the clock shows a time, or the program has ended by itself."""
        left = self.aws.clock.real_seconds_until(time)
        self._wait(lambda: self.aws.clock.now_ms() >= time or self.process.poll() is not None, left + PATIENCE)

    def _wait(self, condition, seconds):
        try:
            self.aws.wait_for(condition, seconds)
        except TimeoutError:
            pass

    def _settle(self):
        """Let everything be found and told, in bounds of patience; what is missing then, the checks find."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None and not self._settled():
            count = len(self.aws.requests)
            self._wait(lambda count=count: len(self.aws.requests) >= count + 20, 1)

    def _settled(self):
        state = json.loads(self.tailgate.call("status", "--output", "json", status=None).stdout)
        findings = self.tailgate.findings()
        found = {(finding["event_id"], finding["line"]) for finding in findings}
        self.told_by_itself = {finding["id"] for finding in findings if finding["rule"] == "tailgate"}
        return (found >= self.truth.keys() and not state["alerts"]["waiting"]
                and not any(milliseconds(gap["start"]) < self.end for source in state["sources"] for gap in source["gaps"])
                and all(finding.get("alert_sent") for finding in findings))

    def excuse(self):
        """The program is gone: an alert that SNS accepted and that is not marked as sent may come again. One is sent at a time,
        so it can only be the last. That a stop has ten seconds for the answer is little on a fast clock."""
        self.aws.drain()
        accepted = self.aws.sns.messages[self._excused_to :]
        self._excused_to += len(accepted)
        if not accepted or self.aws.calls("sns", "Publish")[-1].fault in LOST_ANSWERS:
            return
        alert = accepted[-1].attributes["alert_id"]
        with sqlite3.connect(f"file:{self.tailgate.state}?mode=ro", uri=True) as database:
            [[marked]] = database.execute("SELECT sent_at IS NOT NULL FROM alert WHERE id = ?", [alert]).fetchall()
        database.close()
        self.excused[alert] += not marked

    def lost_answers(self):
        """How often SNS accepted an alert and the program could not know, by the alert's id."""
        return Counter(alert_id(call.parameters) for call in self.aws.calls("sns", "Publish") if call.fault in LOST_ANSWERS)


def milliseconds(text):
    return datetime.fromisoformat(text).timestamp() * 1000


def alert_id(parameters):
    """Of a request to publish."""
    [name] = [name for name, value in parameters.items() if value == "alert_id"]
    return parameters[name.replace(".Name", ".Value.StringValue")]

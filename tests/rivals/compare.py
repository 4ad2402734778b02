#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Readers of CloudWatch Logs on the same schedules of events and faults: how many events does each lose or repeat?

    TAILGATE=build/check/tailgate python3 tests/rivals/compare.py --aws AWS --awslogs AWSLOGS [--groups N] [--seed S]

Run by `tests/rivals/run`, which installs the tools. All readers read the same log groups at the same time, on the host's
clock; each meets the same faults at the same times. An event is one row of a connection from outside, so that what
tailgate finds can be counted as the others' lines are. Prints a table in Markdown.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e"), str(TESTS / "property")]

from aws import Loopback  # noqa: E402
from harness import Tailgate  # noqa: E402
from models import MODELS  # noqa: E402
from schedules import MINUTE, SECOND, Kind, Schedule  # noqa: E402

KIND = Kind("rivals", speed=1, span=4 * MINUTE, delay=100 * SECOND, fold="1m", poll="5s")
DENSITY = 4  # times as many events as usual schedules have
LEAD = 30 * SECOND  # until the first event: all readers have started
AFTER = 13 * MINUTE  # from the last event's time until all is compared: tailgate's second re-read has been made
# Only what the retries of an AWS client ride out: what is lost is lost by how a reader goes on, and not by its client.
WEATHER = ("throttle", "service_unavailable", "internal_error", "cut_connection", "reset_connection", "lost_response")
UNIQUE = re.compile(r"u\d+n\d+")


class Rows(Schedule):
    """A schedule in which every event is one row from outside that has a user name of its own."""

    oddities = ("none", "none", "none", "late", "delay", "same_millisecond", "out_of_order", "twice")
    sizes = (1,)
    sorts = ("outside",)

    def weather(self):
        """Faults as (when, name, how often)."""
        return [(self._draw.randrange(self.span), self._draw.choice(WEATHER), self._draw.randint(1, 2)) for _ in range(4)]


@dataclass
class Reader:
    """One of those compared; key: the access key it signs with, by which its requests are known."""

    name: str
    what: str
    command: object  # makes it of log groups: a list of commands
    key: str = ""
    ended: int = 0  # of its processes, by themselves
    processes: list = field(default_factory=list)

    def start(self, aws, folder, groups, environment):
        aws.credentials.add(self.key, "secret")
        environment = environment | {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": "secret", "PYTHONUNBUFFERED": "1"}
        for number, command in enumerate(self.command(groups)):
            with open(folder / f"{self.key}.{number}", "wb") as out, open(folder / f"{self.key}.{number}.log", "wb") as log:
                self.processes.append(subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log))

    def stop(self):
        self.ended = sum(process.poll() is not None for process in self.processes)
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)

    def told(self, folder):
        return Counter(name for file in folder.glob(f"{self.key}.*[0-9]") for name in UNIQUE.findall(file.read_text(errors="replace")))


def readers(options, tailgate, url):
    def version(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[:2]

    _, own = version(tailgate.program, "--version")
    cli = version(options.aws, "--version")[0].split("/")[1]
    awslogs = version(options.awslogs, "--version")[1]
    several = [word for network in ("10.0.0.0/8", "172.31.0.0/16") for word in ("--network", network)]
    yield Reader(f"tailgate {own}", "the tool", lambda groups: [[
        tailgate.program, "run", "--requests-per-second", "20", *several,
        *(word for group in groups for word in ("--log-group", group))]])
    yield Reader(f"AWS CLI {cli}, `aws logs tail --follow`", "the tool",
                 lambda groups: [[options.aws, "--endpoint-url", url, "logs", "tail", group, "--follow", "--since", "1m"] for group in groups])
    yield Reader(f"awslogs {awslogs}, `awslogs get --watch`", "the tool",
                 lambda groups: [[options.awslogs, "get", group, "ALL", "--watch", "--start", "1m", "--color", "never"] for group in groups])
    for name, model in MODELS.items():
        yield Reader(model.name, "a model",
                     lambda groups, name=name: [[sys.executable, str(TESTS / "rivals" / "models.py"), name, *groups]])


def feed(aws, schedules, keys, begin):
    """The events of the schedules, and for each reader the same faults; returns how often each row was written."""
    written = Counter()
    for schedule in schedules:
        for event in schedule.events:
            times = (begin + event.time, "\n".join(event.lines), begin + event.ingestion, begin + event.readable)
            aws.logs.put(schedule.group, event.stream, [times])
            written[UNIQUE.search(event.lines[0])[0]] += 1
        for at, fault, times in schedule.weather():
            for key in keys:
                def meets(call, group=schedule.group, after=begin + at, key=key):
                    return (call.parameters.get("logGroupName") == group and call.time_ms >= after
                            and f"Credential={key}/" in call.headers["authorization"])

                aws.faults.add("logs", "*", fault, times=times, when=meets)
    return written


def compare(options, folder):
    with Loopback() as aws:
        aws.logs.empty_pages, aws.logs.page_events = 1, 20
        tailgate = Tailgate(aws, folder)
        compared = list(readers(options, tailgate, aws.url))
        for number, reader in enumerate(compared):
            reader.key = f"AKIAREADER{number:010d}"
        schedules = [Rows(seed, KIND, density=DENSITY) for seed in range(options.seed, options.seed + options.groups)]
        begin = aws.clock.now_ms() + LEAD
        written = feed(aws, schedules, [reader.key for reader in compared], begin)
        environment = tailgate.environment | {"AWS_DEFAULT_REGION": aws.region}
        for reader in compared:
            reader.start(aws, folder, [schedule.group for schedule in schedules], environment)
        end = begin + max(event.time for schedule in schedules for event in schedule.events) + AFTER
        aws.wait_for(lambda: aws.clock.now_ms() >= end, (end - begin) // 1000 + 120)
        for reader in compared:
            reader.stop()
        requests = Counter(key.group(1) for call in aws.calls("logs", "FilterLogEvents") + aws.calls("logs", "GetLogEvents")
                           if (key := re.search("Credential=(AKIAREADER[0-9]+)/", call.headers["authorization"])))
        findings = Counter(finding["user"] for finding in tailgate.findings())
    return compared, schedules, written, findings, requests


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--aws", required=True, help="the AWS CLI, version 2")
    parser.add_argument("--awslogs", required=True)
    parser.add_argument("--groups", type=int, default=12, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the first group's schedule")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        compared, schedules, written, findings, requests = compare(options, folder)
        total = sum(written.values())
        events = [event for schedule in schedules for event in schedule.events]
        late = sorted(event.readable - event.time for event in events)
        print(f"{total} events in {len(schedules)} log groups (seeds {options.seed} to {options.seed + options.groups - 1}), readable "
              f"{late[len(late) // 2] / SECOND:.0f} s after their time (median; 90 % within {late[len(late) * 9 // 10] / SECOND:.0f} s, "
              f"at most {late[-1] / SECOND:.0f} s), {sum(written[name] - 1 for name in written)} delivered twice\n")
        print("| reader | tool or model | events | lost | doubled | requests |\n|---|---|---|---|---|---|")
        for number, reader in enumerate(compared):
            told = findings if number == 0 else reader.told(folder)
            lost, doubled = (written - told).total(), (told - written).total()
            ended = f"; {reader.ended} of {len(reader.processes)} ended with an error" if reader.ended else ""
            print(f"| {reader.name} | {reader.what}{ended} | {total} | {lost} ({100 * lost / total:.1f} %) | {doubled} | {requests[reader.key]} |")
    sys.exit(1 if written != findings else 0)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()

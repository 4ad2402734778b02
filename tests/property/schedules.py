# SPDX-License-Identifier: Apache-2.0
"""Schedules: what happens in one log group over some simulated hours, drawn from a seed.

A schedule says which rows are written when, how late each can be read, and which requests about its log group or its
alerts fail, and how. The same seed and kind make the same schedule.
"""

import math
import random
from dataclasses import dataclass, field
from time import gmtime, strftime

from harness import row

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
AGES = (2 * MINUTE, 10 * MINUTE, 2 * HOUR, 24 * HOUR)  # at which time is read again
AGE_PIECES = 4  # and in pieces of this part of the age

# Requests that fail. Of the last group SNS has accepted the message, and the publisher cannot know.
LOGS_FAULTS = ("throttle", "throttle_storm", "service_unavailable", "internal_error", "server_error_burst", "access_denied",
               "expired_token", "cut_connection", "reset_connection", "lost_response", "cut_body", "half_body", "empty_body",
               "not_json", "missing_date", "slow", "empty_page", "short_page", "expiring_token", "duplicate_delivery")
SNS_FAULTS = ("throttle", "throttled", "throttle_storm", "service_unavailable", "internal_error", "server_error_burst",
              "access_denied", "expired_token", "cut_connection", "reset_connection", "not_json", "slow", "kms_throttling",
              "kms_access_denied", "topic_not_found")
LOST_ANSWERS = ("lost_response", "cut_body", "half_body", "empty_body")
STS_FAULTS = ("throttle", "service_unavailable", "internal_error", "cut_connection", "reset_connection", "lost_response",
              "cut_body", "half_body", "slow")


@dataclass(frozen=True)
class Kind:
    """What schedules of one kind have in common: how long they are, and the agent and the AWS they run with."""

    name: str
    speed: int  # of the clock
    span: int  # rows are written within this
    delay: int  # the most that a row is late
    fold: str
    poll: str  # much longer than a request takes, which on a busy machine is minutes of a fast clock
    rate: float = 100
    fifo: bool = False
    ocsf: bool = False
    imds: bool = False
    skew: int = 0  # of the agent's clock
    knobs: dict = field(default_factory=dict)  # of the loopback's CloudWatch Logs


def _kinds():
    spans = (("minutes", 300, 4 * MINUTE, 6 * MINUTE, "1m", "5s"), ("hours", 3000, 40 * MINUTE, 100 * MINUTE, "15m", "90s"),
             ("day", 25000, 4 * HOUR, 23 * HOUR, "2h", "30m"))
    variants = ({}, {"fifo": True, "ocsf": True, "knobs": {"page_events": 5, "empty_last_page": True}},
                {"skew": 10 * MINUTE, "knobs": {"empty_pages": 1, "page_bytes": 2000}},
                {"skew": -10 * MINUTE, "imds": True, "rate": 20, "knobs": {"page_events": 3}})
    return [Kind(*span, **variant) for variant in variants for span in spans]


KINDS = _kinds()
BLOCK = 12  # schedules that one agent runs at the same time; all of one kind


def kind_of(seed, kinds=KINDS):
    return kinds[seed // BLOCK % len(kinds)]


@dataclass
class Event:
    """One event: when it was written, when it reaches the service, when it can be read; times from the beginning."""

    time: int
    ingestion: int
    readable: int
    stream: str
    lines: list
    outside: dict = field(default_factory=dict)  # number of the line: (user, connection id)
    torn: bool = False  # the beginning of a row, or its end, which is in the next event


@dataclass
class Fault:
    service: str
    action: str
    name: str
    times: int
    after: int


class Schedule:
    """events, faults, and `end`: by when everything must have been found. length: so many times that of its kind; density: of
    what happens in it."""

    oddities = ("none", "none", "none", "late", "delay", "same_millisecond", "out_of_order", "twice", "ahead", "torn")
    sizes = (1, 1, 1, 1, 2, 3, 5)  # of an event, in rows
    sorts = ("outside", "outside", "inside", "heartbeat")  # of a row

    def __init__(self, seed, kind=None, length=1, density=1):
        self.seed = seed
        self.kind = kind or kind_of(seed)
        self.span = int(length * self.kind.span)
        self._length = length
        self._amount = length * density
        self.group = f"/aws/rds/instance/s{seed}/audit"
        self._draw = random.Random(seed)
        self._connection = self._draw.randrange(1, 1_000_000)
        self._addresses = [f"203.0.113.{self._draw.randrange(256)}" for _ in range(self._draw.randint(1, 6))]
        self.events = []
        for _ in range(math.ceil(self._draw.randint(3, 25) * self._amount)):
            self.events += self._moment()
        self.faults = self._logs_faults() + self._sns_faults()
        self.end = max(found_by(event) for event in self.events)

    def _moment(self):
        """What is written at about the same time: one event, or several in some odd way."""
        time = self._draw.randrange(self.span)
        count = self._draw.choice((1, 1, 1, 2, 3))
        oddity = self._draw.choice(self.oddities)
        events = []
        for number in range(count):
            event = self._event(time + number * self._draw.choice((0, 1, 7, 1500)))
            if oddity == "late":
                event.ingestion = event.readable = event.time + self._delay()
            elif oddity == "delay":
                event.readable = event.time + self._delay()
            elif oddity == "same_millisecond":
                event.time = time
                event.readable = time + (self._delay() if number else 0)
            elif oddity == "out_of_order":
                event.ingestion = event.readable = time + (count - number) * self._draw.randrange(1, 90 * SECOND)
            elif oddity == "ahead":
                event.time += self._draw.randrange(20 * SECOND)
            events += torn(event, self._draw) if oddity == "torn" else [event]
            if oddity == "twice":
                events.append(Event(event.time, event.ingestion, event.time + self._delay(), event.stream, event.lines, event.outside))
        return events

    def _delay(self):
        """Seconds more often than hours."""
        return int(math.exp(self._draw.uniform(math.log(SECOND), math.log(self.kind.delay))))

    def _event(self, time):
        comes = time + self._draw.randrange(15 * SECOND)
        event = Event(time, comes, comes, self._draw.choice(("one", "two")), [])
        for number in range(1, self._draw.choice(self.sizes) + 1):
            self._line(event, number)
        return event

    def _line(self, event, number):
        self._connection += 1
        user = f"u{self.seed}n{self._connection}"
        written = strftime("%Y%m%d %H:%M:%S", gmtime(event.time // 1000))
        what = self._draw.choice(self.sorts)
        if what == "outside":
            host = self._draw.choice(self._addresses)
            event.outside[number] = (user, self._connection)
        elif what == "inside":
            host = f"172.31.{self._draw.randrange(256)}.{self._draw.randrange(256)}"
        else:
            host, user = "localhost", "rdsadmin"
        failed = what != "heartbeat" and self._draw.random() < 0.4
        words = {"operation": "FAILED_CONNECT", "code": 1045} if failed else {}
        event.lines.append(row(host, self._connection, user=user, time=written, **words))

    def _some(self, service, action, names, most, after):
        """Faults of one action; storms last as long as the schedule allows."""
        faults = []
        for _ in range(math.ceil(self._draw.randint(0, most) * self._amount)):
            name = self._draw.choice(names)
            times = self._draw.randint(3, 8) if name.endswith(("storm", "burst")) else self._draw.randint(1, 2)
            faults.append(Fault(service, action, name, times, self._draw.randrange(math.ceil(after * self._length))))
        return faults

    def _logs_faults(self):
        return self._some("logs", "FilterLogEvents", LOGS_FAULTS, 8, 60)

    def _sns_faults(self):
        return self._some("sns", "Publish", SNS_FAULTS, 2, 4) + self._some("sns", "Publish", LOST_ANSWERS, 2, 6)


def torn(event, draw):
    """Two events of which the second begins in the middle of the last line."""
    *lines, last = event.lines
    event.outside.pop(len(event.lines), None)
    cut = draw.randrange(1, len(last))
    head = Event(event.time, event.ingestion, event.readable, event.stream, [*lines, last[:cut]], event.outside, True)
    return [head, Event(event.time, event.ingestion, event.readable, event.stream, [last[cut:]], {}, True)]


def found_by(event):
    """When an event must have been found: by the re-read at the next age."""
    late = event.readable - event.time
    age = next(age for age in AGES if age > late)
    return event.time + age + age // AGE_PIECES

# SPDX-License-Identifier: Apache-2.0
"""Random schedules: what is written to a log group and when it can be read, and what goes wrong meanwhile, all from a seed."""

import random
from dataclasses import dataclass, field

SECOND = 1000
MINUTE = 60 * SECOND

# How late an event can be read at most; what is later than the deepest age of the re-reads is no promise.
LATE_SHORT = 8 * MINUTE
LATE_LONG = 100 * MINUTE
SPAN = 30 * MINUTE  # over which events have their times

LOGS_FAULTS = ("throttle", "service_unavailable", "internal_error", "cut_connection", "reset_connection", "lost_response", "cut_body",
               "half_body", "empty_body", "not_json", "missing_date", "expired_token")
SNS_FAULTS = ("throttled", "kms_throttling", "internal_error", "service_unavailable", "cut_connection", "lost_response", "cut_body",
              "expired_token")
# The service has accepted the message, and the agent does not know.
RESPONSE_LOST = {"lost_response", "cut_body"}


@dataclass
class Written:
    """One event: rows of (address, connection id), all in one message."""

    time: int
    ingested: int
    readable: int
    rows: list


@dataclass
class Schedule:
    seed: int
    late: int
    events: list = field(default_factory=list)

    @property
    def group(self):
        return f"/aws/rds/instance/s{self.seed}/audit"


def schedule(seed, begin, late):
    """Events of a log group from `begin` on, in the service's time."""
    draw = random.Random(seed)
    made = Schedule(seed, late)
    number = 0

    def rows():
        nonlocal number
        found = []
        for _ in range(draw.choice((1, 1, 1, 1, 2, 5))):
            number += 1
            outside = draw.random() < 0.6
            found.append((f"203.0.113.{draw.randint(1, 40)}" if outside else f"10.0.{draw.randint(0, 9)}.{draw.randint(1, 250)}", number))
        return found

    def lag():
        kind = draw.random()
        if kind < 0.6:
            return draw.randint(0, 15 * SECOND)
        if kind < 0.85:
            return draw.randint(15 * SECOND, 3 * MINUTE)
        return draw.randint(3 * MINUTE, late)

    def write(time, content):
        arrived = time + lag()
        # Some can be read as soon as the service has them, some only a while after.
        ingested = arrived if draw.random() < 0.7 else draw.randint(time, arrived)
        made.events.append(Written(time, ingested, arrived, content))

    for _ in range(draw.randint(10, 60)):
        time = begin + draw.randint(0, SPAN)
        for _ in range(draw.choice((1, 1, 1, 2, 6))):  # siblings of the same millisecond
            content = rows()
            write(time, content)
            if draw.random() < 0.05:  # delivered twice
                write(time, content)
    return made


@dataclass
class Weather:
    """What goes wrong while a batch of schedules is read."""

    page_events: int
    empty_pages: int
    empty_last_page: bool
    token_lifetime: int
    logs_rate: float
    sns_rate: float
    storms: list  # of (begin, end, fault): everything fails
    skew: int  # seconds that the service's clock is ahead of the host's


def weather(seed, begin, late):
    draw = random.Random(f"weather {seed}")
    storms = []
    for _ in range(draw.choice((0, 1, 2))):
        start = begin + draw.randint(0, SPAN + late)
        storms.append((start, start + draw.randint(1, 10) * MINUTE, draw.choice(("throttle", "service_unavailable", "internal_error"))))
    return Weather(page_events=draw.choice((4, 10, 50, 10_000)), empty_pages=draw.choice((0, 0, 1)),
                   empty_last_page=draw.random() < 0.3, token_lifetime=draw.choice((10 * MINUTE, 24 * 60 * MINUTE)),
                   logs_rate=draw.choice((0, 0.02, 0.1)), sns_rate=draw.choice((0, 0.05, 0.2)), storms=storms,
                   skew=draw.choice((0, 0, 0, -600, 600)))


def let_it_rain(aws, plan, seed):
    """Turn the knobs and add the faults of a weather to a loopback AWS."""
    draw = random.Random(f"faults {seed}")
    aws.logs.page_events, aws.logs.empty_pages = plan.page_events, plan.empty_pages
    aws.logs.empty_last_page, aws.logs.token_lifetime_ms = plan.empty_last_page, plan.token_lifetime
    for start, end, fault in plan.storms:
        aws.faults.add("*", "*", fault, times=None, when=lambda call, start=start, end=end: start <= call.time_ms < end)
    for service, names, rate in (("logs", LOGS_FAULTS, plan.logs_rate), ("sns", SNS_FAULTS, plan.sns_rate)):
        for name in names if rate else ():
            aws.faults.add(service, "*", name, times=None, when=lambda _, part=rate / len(names): draw.random() < part)

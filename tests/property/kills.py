# SPDX-License-Identifier: Apache-2.0
"""A campaign of kills: one store, on which the program is started again and again and killed at some moment."""

import os
import select
import time
from collections import Counter

from aws.faults import Fault
from aws.http_server import Answer

LIFE = 0.15  # seconds that a life lasts at most
REQUESTS = 30  # one of so many is the last, where a request ends a life
PUBLISHES = 4
RACE = 0.004  # seconds in which the program deals with an answer

# When the kill falls, as seen from a request. Between: it was done what was asked, but that was not answered.
MOMENTS = [(service, action, when) for service, action in (("logs", "FilterLogEvents"), ("sns", "Publish"))
           for when in ("before", "between", "after")]
ANY_TIME = (None, None, "any time")


class Death(Fault):
    """Kills whoever asked."""

    name = "death"

    def __init__(self, campaign):
        self._campaign = campaign

    def instead(self, service, call):
        return Answer(0, "", b"") if self._campaign.moment[2] == "before" else None

    def send(self, wire, answer):
        if self._campaign.moment[2] == "after":
            wire.write(answer.encode())
            time.sleep(self._campaign.draw.uniform(0, RACE))
        self._campaign.world.process.kill()
        return False


class Campaign:
    """kills: how many at each moment; others: exit statuses of lives that ended by themselves."""

    def __init__(self, world, draw):
        self.world = world
        self.draw = draw
        self.kills = Counter()
        self.others = []
        self.moment = ANY_TIME
        self._left = 0  # requests of that sort until the last one
        world.aws.faults.add("*", "*", Death(self), times=None, when=self._is_last)

    def _is_last(self, call):
        if (call.service, call.action) != self.moment[:2]:
            return False
        self._left -= 1
        return self._left == 0

    def run(self, count):
        """Starts and kills the program until that has happened so many times."""
        while sum(self.kills.values()) + len(self.others) < count:
            self.moment = self.draw.choice((*MOMENTS, ANY_TIME))
            self._left = self.draw.randint(1, PUBLISHES if self.moment[0] == "sns" else REQUESTS)
            self._live(self.draw.uniform(0, LIFE) if self.moment is ANY_TIME else LIFE)
        self.moment = ANY_TIME

    def _live(self, seconds):
        process = self.world.start()
        in_time = ended_within(process, seconds)
        process.kill()
        status = process.wait()
        self.world.aws.drain()
        if status != -9:
            self.others.append(status)
            return
        self.kills[self.moment if in_time else ANY_TIME] += 1
        self.world.excuse()


def ended_within(process, seconds):
    """Whether a process has ended in time."""
    handle = os.pidfd_open(process.pid)
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)

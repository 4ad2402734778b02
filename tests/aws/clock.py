# SPDX-License-Identifier: Apache-2.0
"""The one clock that the loopback and the program under test share.

Both compute virtual = base + (real - real base) * speed from the same three
integers, so a test can run a day in seconds and the two never disagree.
"""

import time
from email.utils import formatdate

VARIABLE = "TAILGATE_TEST_CLOCK"


class Clock:
    """Virtual time in milliseconds since 1970; by default the real time."""

    def __init__(self, base_ms=None, speed=1):
        if not isinstance(speed, int) or speed < 1:
            raise ValueError("speed is an integer of at least 1")
        self.real_base_ms = _real_ms()
        self.virtual_base_ms = self.real_base_ms if base_ms is None else int(base_ms)
        self.speed = speed

    def now_ms(self):
        return self.virtual_base_ms + (_real_ms() - self.real_base_ms) * self.speed

    def skip(self, ms):
        """Goes on by so much at once; for what was started before, the clock is wrong from then on."""
        self.virtual_base_ms += ms

    def real_seconds_until(self, virtual_ms):
        """Real seconds until the clock shows virtual_ms; 0 if that has passed."""
        return max(0, virtual_ms - self.now_ms()) / self.speed / 1000

    def environment(self):
        """What tells another process to use this very clock."""
        return {VARIABLE: f"{self.real_base_ms},{self.virtual_base_ms},{self.speed}"}


def http_date(time_ms):
    """The form of the Date header."""
    return formatdate(time_ms / 1000, usegmt=True)


def iso_date(time_ms):
    """The form used for expirations: 2026-11-22T14:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ms / 1000))


def signature_date(time_ms):
    """The form of X-Amz-Date: 20261122T140000Z."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time_ms / 1000))


def _real_ms():
    return time.time_ns() // 1_000_000

# SPDX-License-Identifier: Apache-2.0
"""What can be odd about events rather than about answers, each with a name.

Functions from plain rows, (timestamp_ms, message) in the order of their times, to
rows as Logs.put takes them.
"""

MINUTE_MS = 60_000


def late(rows, delay_ms=3 * MINUTE_MS):
    """Each reaches the service only delay_ms after its time."""
    return [(time, message, time + delay_ms, time + delay_ms) for time, message in rows]


def readable_after_delay(rows, delay_ms=3 * MINUTE_MS):
    """Each reaches the service at its time, but is in no answer until delay_ms later."""
    return [(time, message, time, time + delay_ms) for time, message in rows]


def same_millisecond(rows):
    """All have the time of the first."""
    return [(rows[0][0], message) for _, message in rows]


def out_of_order(rows):
    """The older a row the later it comes: the last at its time, all others after it."""
    last = rows[-1][0]
    return [(time, message, 2 * last - time, 2 * last - time) for time, message in rows]


def duplicate_delivery(rows):
    """Each comes twice, as two events with ids of their own."""
    return [row for row in rows for _ in range(2)]


NAMED = {
    function.__name__: function
    for function in (late, readable_after_delay, same_millisecond, out_of_order, duplicate_delivery)
}

# SPDX-License-Identifier: Apache-2.0
"""Times of the formats that write a date."""

import datetime


def milliseconds(year, month, day, hour, minute, second, fraction=b""):
    """Since 1970, all as bytes of digits and as UTC; None if there is no such time."""
    try:
        when = datetime.datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=datetime.timezone.utc)
    except ValueError:
        return None
    return int(when.timestamp()) * 1000 + int(fraction.ljust(3, b"0") or 0)

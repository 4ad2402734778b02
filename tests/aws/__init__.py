# SPDX-License-Identifier: Apache-2.0
"""A loopback AWS for tailgate's end-to-end tests; see README.md beside this file."""

from . import faults, rows
from .clock import Clock
from .loopback import Loopback

__all__ = ["Clock", "Loopback", "faults", "rows"]

# SPDX-License-Identifier: Apache-2.0
"""Where the loopback AWS and the harness of the end-to-end tests are."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

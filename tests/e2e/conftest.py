# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: a loopback AWS, and the built binary run against it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws import Loopback  # noqa: E402
from harness import GROUP, Tailgate  # noqa: E402

SPEED = 20  # of the clock that the loopback and the agent share: a poll every 250 ms


@pytest.fixture
def aws():
    with Loopback(speed=SPEED) as loopback:
        loopback.logs.create(GROUP)
        yield loopback
        assert not loopback.defects


@pytest.fixture
def tailgate(aws, tmp_path):
    """Runs the binary with the loopback's environment and a state file of its own."""
    program = Tailgate(aws, tmp_path)
    yield program
    program.stop_all()

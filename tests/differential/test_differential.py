# SPDX-License-Identifier: Apache-2.0
"""The readers in filters/ and the plain ones in tests/reference read the same in the same lines.

    DIFFERENTIAL_LINES  how many lines of each format for each seed; 40000 unless given
    DIFFERENTIAL_SEED   one seed; unless given, one that is always the same and a fresh one, which a failure names
    READ_LINES          the program that prints how lines are read
"""

import importlib
import json
import os
import secrets
import struct
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "differential")]

from lines import FORMATS, Generator  # noqa: E402

COUNT = int(os.environ.get("DIFFERENTIAL_LINES", "40000"))
SEEDS = [int(os.environ["DIFFERENTIAL_SEED"])] if "DIFFERENTIAL_SEED" in os.environ else [3, secrets.randbits(32)]
# How far the head of a line that is no connection is read, and whether it ends as some other record, the rules leave open.
LEFT_OPEN = {"mysql": {"unterminated", "user"}}
SHOWN = 5  # differences, each made as short as it goes
SHORTEN_ROUNDS = 150


def read_lines(name, lines):
    """What filters/ reads."""
    data = b"".join(struct.pack("<I", len(line)) + line for line in lines)
    done = subprocess.run([os.environ["READ_LINES"], name], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    out = [json.loads(text) for text in done.stdout.splitlines()]
    assert len(out) == len(lines)
    return out


def plain(value):
    """As it comes out of JSON: texts in hexadecimal."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.hex() if isinstance(value, bytes) else value


def agrees(wanted, got):
    """Whether everything wanted is so; what the reference says nothing of may be anything."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(agrees(value, got.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(got, list) and len(wanted) == len(got) and all(map(agrees, wanted, got))
    return wanted == got


def differences(name, lines):
    """(line, fields as C reads them, fields as Python does) where they differ."""
    reference = importlib.import_module(f"reference.{name}")
    out = []
    for line, got in zip(lines, read_lines(name, lines)):
        wanted = plain(reference.read(line))
        differing = [key for key in wanted if key not in LEFT_OPEN.get(name, ()) and not agrees(wanted[key], got.get(key))]
        if differing:
            out.append((line, {key: got.get(key) for key in differing}, {key: wanted[key] for key in differing}))
    return out


def shorten(name, line):
    """The difference in what is left of a line when nothing more can be left out of it without losing it (or when it takes too long)."""
    found = differences(name, [line])
    size = len(line) // 2
    for _ in range(SHORTEN_ROUNDS):
        if not size:
            break
        less = differences(name, [line[:at] + line[at + size:] for at in range(0, len(line), size)])
        if less:
            found, line = less[:1], less[0][0]
            size = min(size, len(line))
        else:
            size //= 2
    return found[0]


def readable(value):
    """Hexadecimal back to text."""
    if isinstance(value, dict):
        return {key: readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [readable(inner) for inner in value]
    if isinstance(value, str) and len(value) % 2 == 0 and not set(value) - set("0123456789abcdef"):
        return bytes.fromhex(value)
    return value


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", FORMATS)
def test_both_readings_agree(name, seed):
    generator = Generator(FORMATS[name](), seed)
    found = differences(name, [generator.line() for _ in range(COUNT)])
    kinds = {}
    for difference in sorted(found, key=lambda difference: len(difference[0])):  # of each set of fields that differ one is told
        kinds.setdefault(tuple(difference[1]), difference[0])
    told = []
    for line in list(kinds.values())[:SHOWN]:
        short, got, wanted = shorten(name, line)
        told.append(f"{short!r}\n  filters/:  {readable(got)}\n  reference: {readable(wanted)}")
    assert not found, (f"{len(found)} of {COUNT} lines are read differently (DIFFERENTIAL_SEED={seed} DIFFERENTIAL_LINES={COUNT}):\n"
                       + "\n".join(told))

# SPDX-License-Identifier: Apache-2.0
"""Every system call of storing and publishing fails once, and the process dies at every call that changes a file."""

import errno
import sqlite3

import pytest
import sweep
from harness import DATA
from sweep import Life, errors

PAGE = 4096


def fresh():
    """Nothing is there yet."""
    life = Life()
    life.feed()
    return life


def known():
    """A store that has been run on before, with things still to tell."""
    life = Life()
    life.feed()
    status, log = life.run()
    assert status == 0, log
    life.feed()
    return life


def old():
    """A store of the first schema, of another log group."""
    life = Life()
    life.feed()
    database = sqlite3.connect(life.tailgate.state)
    database.executescript((DATA / "storage-schema-1.sql").read_text())
    database.execute("DELETE FROM finding")
    database.execute("DELETE FROM alert")
    database.execute("DELETE FROM kind")
    database.commit()
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
    return life


def damaged():
    """A store whose table of findings cannot be read, with alerts that wait."""
    life = Life()
    life.feed()
    status, log = life.run()
    assert status == 0, log
    life.feed()
    database = sqlite3.connect(life.tailgate.state)
    (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'coverage'").fetchone()
    database.close()
    with open(life.tailgate.state, "r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    life.alerts += 1  # that state was lost
    life.damaged = True
    return life


def count(life_of):
    """How many calls of each kind such a life makes."""
    with life_of() as life:
        status, log = life.run("")
        assert status == 0, log
        life.check()
        return life.counts()


@pytest.mark.parametrize("life_of", [fresh, known, old, damaged])
def test_every_call_fails_once(life_of, capsys):
    counts = count(life_of)
    assert counts["write"] > 50 and counts["sync"] > 10 and counts["send"] > 10 and counts["lock"] > 50, counts
    # What follows a migration or a salvage is the same as ever.
    kinds = sweep.NUMBERS if life_of in (fresh, known) else sweep.OF_FILES
    outcomes = sweep.sweep(kinds, life_of, counts)
    with capsys.disabled():
        sweep.table(outcomes, counts, f"\nsystem calls that fail, {life_of.__name__} store:")
    assert any(o.status == 5 for o in outcomes)


@pytest.mark.parametrize("life_of", [fresh, known, old, damaged])
def test_killed_at_every_change(life_of, capsys):
    counts = count(life_of)
    outcomes = sweep.kill_sweep(life_of, counts["any"], 0 if sweep.SAMPLE == 0 else 4 * sweep.SAMPLE)
    with capsys.disabled():
        sweep.table(outcomes, counts, f"\nkilled at calls that change files, {life_of.__name__} store:")


@pytest.mark.parametrize("life_of", [fresh, known])
@pytest.mark.parametrize("kind", ["write", "any"])
def test_the_disk_is_full_for_a_while(life_of, kind):
    """From one write on there is no room, until somebody makes some: run goes on by itself, or after another start."""
    counts = count(life_of)
    said = 0
    for number in sweep.calls(counts[kind], 6):
        with life_of() as life:
            room = life.tailgate.folder / "room"
            fail = f"{kind}:{number}+:{errno.ENOSPC}"
            status, log = life.run(fail, until=room, until_hits=5)
            assert status in (0, 5) and all(sweep.is_clear(line) for line in errors(log)), f"{fail}: {status}\n{log}"
            assert not errors(log) or "No space left" in log or "disk is full" in log, f"{fail}:\n{log}"
            said += bool(errors(log))
            sweep.truth(fail, life, status, log)
    assert said

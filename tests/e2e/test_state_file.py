# SPDX-License-Identifier: Apache-2.0
"""State files that are not what they should be: a clear error, exit 5, and nothing overwritten."""

import sqlite3

import pytest
from harness import GROUP, row


def run_once(tailgate, *words, status=5):
    return tailgate.call("run", "--log-group", GROUP, *tailgate.networks(), *words, status=status)


def make_text(path):
    path.write_text("these are my notes, not a database\n" * 100)


def make_foreign(path):
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (x)")
    database.commit()
    database.close()


@pytest.mark.parametrize("make", [make_text, make_foreign])
def test_a_file_of_another_program_is_not_touched(tailgate, make):
    make(tailgate.state)
    before = tailgate.state.read_bytes()
    assert str(tailgate.state) in run_once(tailgate).stderr
    tailgate.call("findings", status=5)
    tailgate.call("status", status=5)
    assert tailgate.state.read_bytes() == before


def test_a_newer_file_is_refused(tailgate, tmp_path):
    path = tmp_path / "one.log"
    path.write_text(row("203.0.113.5", 7) + "\n")
    tailgate.call("backfill", "--file", path, "--network", "10.0.0.0/8", "--state", tailgate.state)
    database = sqlite3.connect(tailgate.state)
    database.execute("PRAGMA user_version = 999")
    database.commit()
    database.close()
    assert "newer" in run_once(tailgate).stderr
    assert "newer" in tailgate.call("findings", status=5).stderr


def test_no_place_for_it(tailgate, tmp_path):
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in run_once(tailgate, "--state", tmp_path / "file" / "state.db").stderr
    assert "state.db" in tailgate.call("findings", "--state", tmp_path / "none" / "state.db", status=5).stderr


def test_only_the_owner_can_read_it(tailgate, tmp_path):
    path = tmp_path / "one.log"
    path.write_text(row("203.0.113.5", 7) + "\n")
    tailgate.call("backfill", "--file", path, "--network", "10.0.0.0/8", "--state", tailgate.state)
    assert tailgate.state.stat().st_mode & 0o777 == 0o600


def test_a_locked_file_is_waited_for_and_then_said(tailgate, aws):
    """Another program holds the database for longer than anybody should: an error, no damage."""
    import time

    process = tailgate.watch()
    aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 2, 30)
    holder = sqlite3.connect(tailgate.state, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        begin = time.monotonic()
        done = tailgate.call("backfill", "--since", "1h", "--log-group", GROUP, *tailgate.networks(), status=5)
        assert time.monotonic() - begin < 40 and str(tailgate.state) in done.stderr
    finally:
        holder.rollback()
        holder.close()
    now = aws.clock.now_ms()
    aws.logs.put(GROUP, "s", [(now, row("203.0.113.50", 151))])
    aws.wait_for(lambda: aws.sns.messages, 60)
    assert tailgate.stop(process) == 0
    assert len(tailgate.findings()) == 1

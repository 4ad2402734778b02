# SPDX-License-Identifier: Apache-2.0
"""State that is deleted, damaged, restored from yesterday, half upgraded, or has no room: nothing is lost, and it is said."""

import json
import shutil
import signal
import sqlite3

import pytest
from harness import GROUP, row

HOUR = 3_600_000
PAGE = 4096


def put(aws, number, age_ms=1000, address="203.0.113.50"):
    """One attempt from outside, told by its connection id."""
    aws.logs.put(GROUP, "orders", [(aws.clock.now_ms() - age_ms, row(address, number))])


def ids(tailgate):
    return sorted(f["connection_id"] for f in tailgate.findings() if f["kind"] == "connection")


def status(tailgate):
    return json.loads(tailgate.call("status", "--output", "json", status=None).stdout)


def settle(tailgate, aws):
    """Wait until what was there when this began is read, and everything is told."""
    from datetime import datetime

    end = aws.clock.now_ms()
    while True:
        count = len(aws.requests)
        aws.wait_for(lambda count=count: len(aws.requests) > count, 30)
        state = status(tailgate)
        source = state["sources"][0] if state["sources"] else None
        if source and not state["alerts"]["waiting"] and not source["gaps"] \
                and datetime.fromisoformat(source["read_to"]).timestamp() * 1000 >= end:
            return


def run_until_settled(tailgate, aws, *words, how=signal.SIGTERM, **options):
    process = tailgate.watch(*words, **options)
    settle(tailgate, aws)
    tailgate.stop(process, how)
    return process.log.read_text()


def told(aws):
    """How often each alert was accepted."""
    counts = {}
    for message in aws.sns.messages:
        name = message.attributes["alert_id"]
        counts[name] = counts.get(name, 0) + 1
    return counts


def aside(tailgate):
    return [p for p in tailgate.folder.glob("state.db.damaged-*") if not p.name.endswith("-wal")]


def root_page(path, table):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    database.close()
    return page


def spoil(path, page, first=0):
    with open(path, "r+b") as file:
        file.seek((page - 1) * PAGE + first)
        file.write(b"\xa5" * (PAGE - first))


def fill_history(tailgate, aws, numbers):
    for number in numbers:
        put(aws, number, age_ms=HOUR + number * 60_000, address=f"203.0.113.{number % 200}")


def test_a_first_start_is_said(tailgate, aws):
    put(aws, 1, age_ms=HOUR)
    log = run_until_settled(tailgate, aws)
    assert "this is a first start" in log
    assert "this is a first start" not in run_until_settled(tailgate, aws)
    assert ids(tailgate) == [1] and not aside(tailgate)


@pytest.mark.parametrize("killed", [False, True])
def test_deleted(tailgate, aws, killed):
    """A first start, which is said; with --since nothing is lost, and what is told again has the same ids."""
    fill_history(tailgate, aws, range(20))
    run_until_settled(tailgate, aws, how=signal.SIGKILL if killed else signal.SIGTERM)
    before, first = {f["id"] for f in tailgate.findings()}, told(aws)
    tailgate.state.unlink()
    put(aws, 20)
    log = run_until_settled(tailgate, aws)
    assert "this is a first start" in log
    assert ids(tailgate) == list(range(21)) and before < {f["id"] for f in tailgate.findings()}
    assert all(name in first or n == 1 for name, n in told(aws).items())


@pytest.mark.parametrize("table", ["finding", "alert", "kind", "coverage", "source", "fact", "sqlite_autoindex_finding_1"])
def test_damaged(tailgate, aws, table):
    """The root of one table, which is as bad as damage gets; all of it lies within the deepest age."""
    fill_history(tailgate, aws, range(40))
    aws.faults.add("sns", "Publish", "topic_not_found", times=None)  # so that alerts wait in the outbox
    process = tailgate.watch()
    aws.wait_for(lambda: status_has(tailgate, lambda s: s["sources"] and not s["sources"][0]["gaps"] and s["findings"] == 40), 60)
    tailgate.stop(process)
    aws.faults.clear()
    spoil(tailgate.state, root_page(tailgate.state, table))
    put(aws, 40)
    log = run_until_settled(tailgate, aws, since="10m")
    assert ids(tailgate) == list(range(41))
    assert "damaged" in log and "state-lost" not in log
    (file,) = aside(tailgate)
    (notice,) = [f for f in tailgate.findings() if f["kind"] == "state-lost"]
    assert file.name in notice["message"] and notice["rule"] == "tailgate" and notice["severity"] == "high"
    (message,) = [m for m in aws.sns.messages if m.attributes["rule"] == "tailgate"]
    assert message.subject == "tailgate high: state was lost" and file.name in message.message
    (shown,) = status(tailgate)["notices"]
    assert shown["id"] == notice["id"]
    # Everything that was to be told is told, and nobody heard of it before: once.
    assert {f["alert"] for f in tailgate.findings()} <= set(told(aws)) and set(told(aws).values()) == {1}
    # After another start it is not told again.
    assert "damaged" not in run_until_settled(tailgate, aws)
    assert len([m for m in aws.sns.messages if m.attributes["rule"] == "tailgate"]) == 1 and len(aside(tailgate)) == 1


def status_has(tailgate, condition):
    try:
        return condition(status(tailgate))
    except (AssertionError, ValueError, IndexError, KeyError):
        return False


def test_damaged_after_everything_was_told(tailgate, aws):
    """What is read again is known by its fingerprint, so it is neither stored nor told twice."""
    fill_history(tailgate, aws, range(20))
    run_until_settled(tailgate, aws)
    before = told(aws)
    spoil(tailgate.state, root_page(tailgate.state, "coverage"))
    run_until_settled(tailgate, aws)
    after = told(aws)
    assert ids(tailgate) == list(range(20))
    assert {name: n for name, n in after.items() if name in before} == before and len(after) == len(before) + 1


def test_damaged_while_it_runs(tailgate, aws):
    """Damage that shows in use: the agent goes on with a new file, without being started again."""
    fill_history(tailgate, aws, range(20))
    process = tailgate.watch()
    settle(tailgate, aws)
    process.send_signal(signal.SIGSTOP)
    database = sqlite3.connect(tailgate.state)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    for table in ("finding", "sqlite_autoindex_finding_1"):
        spoil(tailgate.state, root_page(tailgate.state, table))
    process.send_signal(signal.SIGCONT)
    put(aws, 20)
    aws.wait_for(lambda: any(m.attributes["rule"] == "tailgate" for m in aws.sns.messages), 60)
    settle(tailgate, aws)
    assert process.poll() is None and tailgate.stop(process) == 0
    assert ids(tailgate) == list(range(21)) and len(aside(tailgate)) == 1


def test_no_alert_about_lost_state_is_lost(tailgate, aws):
    """Killed between the salvage and the alert: the next start tells it."""
    fill_history(tailgate, aws, range(5))
    run_until_settled(tailgate, aws)
    spoil(tailgate.state, root_page(tailgate.state, "finding"))
    aws.faults.add("logs", "*", "stall", times=None)
    aws.faults.add("sts", "*", "stall", times=None)
    process = tailgate.watch()
    aws.wait_for(lambda: aside(tailgate), 30)
    tailgate.stop(process, signal.SIGKILL)
    aws.faults.clear()
    run_until_settled(tailgate, aws)
    assert ids(tailgate) == list(range(5))
    assert len([m for m in aws.sns.messages if m.attributes["rule"] == "tailgate"]) == 1


def test_a_backfill_and_readers_leave_a_damaged_file_alone(tailgate, aws):
    fill_history(tailgate, aws, range(5))
    run_until_settled(tailgate, aws)
    spoil(tailgate.state, 1, first=100)
    before = tailgate.state.read_bytes()
    for words in (("findings",), ("status",), ("backfill", "--since", "2h", "--log-group", GROUP, *tailgate.networks())):
        assert "tailgate run" in tailgate.call(*words, status=5).stderr
    assert tailgate.state.read_bytes() == before and not aside(tailgate)


def test_restored_from_yesterday(tailgate, aws):
    """Nothing is lost; what was told since then is told again, under the same ids."""
    fill_history(tailgate, aws, range(10))
    run_until_settled(tailgate, aws)
    shutil.copy(tailgate.state, tailgate.folder / "yesterday.db")
    for number in range(10, 20):
        put(aws, number, address=f"203.0.113.{number}")
    run_until_settled(tailgate, aws)
    before = told(aws)
    shutil.copy(tailgate.folder / "yesterday.db", tailgate.state)
    put(aws, 20, address="203.0.113.99")
    run_until_settled(tailgate, aws, since="1s")
    assert ids(tailgate) == list(range(21))
    repeated = {name: n for name, n in told(aws).items() if n > 1}
    assert len(repeated) == 10 and set(repeated) <= set(before) and set(repeated.values()) == {2}


def test_restored_from_yesterday_and_killed_before(tailgate, aws):
    """A file restored beside the write-ahead log of a killed process, which is not its own."""
    fill_history(tailgate, aws, range(10))
    run_until_settled(tailgate, aws)
    shutil.copy(tailgate.state, tailgate.folder / "yesterday.db")
    process = tailgate.watch()
    for number in range(10, 20):
        put(aws, number, address=f"203.0.113.{number}")
    settle(tailgate, aws)
    tailgate.stop(process, signal.SIGKILL)
    assert (tailgate.folder / "state.db-wal").stat().st_size > 0
    shutil.copy(tailgate.folder / "yesterday.db", tailgate.state)
    put(aws, 20, address="203.0.113.99")
    run_until_settled(tailgate, aws, since="1s")
    assert ids(tailgate) == list(range(21))


def test_new_rules_keep_what_is_due(tailgate, aws):
    """A new digest of what is looked for goes on where the old one was: nothing is lost, and re-reads due stay due."""
    fill_history(tailgate, aws, range(5))
    run_until_settled(tailgate, aws)
    put(aws, 5, age_ms=5000)
    put(aws, 6, age_ms=9 * 60_000, address="203.0.113.250")  # readable only now: the re-read after 10 minutes is to find it
    process = tailgate.watch("--network", "192.168.0.0/16", since="1s")
    aws.wait_for(lambda: any("203.0.113.250" in m.message for m in aws.sns.messages), 60)
    assert tailgate.stop(process) == 0
    assert ids(tailgate) == list(range(7)) and not aside(tailgate)
    (late,) = [f for f in tailgate.findings() if f["connection_id"] == 6]
    # For these rules it was the first reading of that time, so it is not called late.
    assert late["marks"] == []

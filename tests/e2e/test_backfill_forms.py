# SPDX-License-Identifier: Apache-2.0
"""The same log from the API, as an export to S3, as the AWS CLI prints it, and as it was written."""

import csv
import gzip
import io
import json
import os
import pty
import re
import subprocess
from datetime import datetime, timezone

import pytest
from harness import GROUP, captured_rows, json_lines, row

MIDNIGHT = 1795305600_000  # of the day of the capture


def stamp(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def export(folder, events, stream="orders"):
    """As CreateExportTask lays it out: a file of proof, and a folder for each stream with its files."""
    place = folder / "exported" / "4b7d2f5e-task" / stream
    place.mkdir(parents=True)
    (folder / "exported" / "aws-logs-write-test").write_text("Permission Check Successful")
    half = len(events) // 2
    for number, part in enumerate((events[:half], events[half:])):
        text = "".join(f"{stamp(event.timestamp)} {event.message}\n" for event in part)
        (place / f"{number:06d}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return folder / "exported"


def printed(events):
    return [{"logStreamName": event.stream, "timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingestion,
             "eventId": event.id} for event in events]


def found(done):
    return {(f["time"], f["connection_id"], f["address"], f["operation"]) for f in json_lines(done.stdout)}


@pytest.fixture
def events(aws):
    """A captured log, and a row that is two events' worth of lines in one."""
    rows = [line.decode() for line in captured_rows() if line and line.isascii()][:12000]
    rows.append(row("203.0.113.77", 900001) + "\n" + row("10.0.0.5", 900002))
    rows.append(row("203.0.113.78", 900003, user="x\n20261122 14:08:14,a"))
    last = MIDNIGHT
    for text in rows:
        clock = re.match(r"20261122 (\d\d):(\d\d):(\d\d),", text)
        if clock:
            last = MIDNIGHT + (int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])) * 1000
        aws.logs.put(GROUP, "orders", [(last, text)])
    return aws.logs.groups[aws.logs.arn(GROUP)].events


def test_each_form_gives_the_same(tailgate, aws, events, tmp_path):
    arn = aws.logs.arn(GROUP)
    plain, document, lines = tmp_path / "audit.log", tmp_path / "events.json", tmp_path / "events.jsonl"
    plain.write_text("".join(event.message + "\n" for event in events))
    document.write_text(json.dumps({"events": printed(events), "searchedLogStreams": []}, indent=4))
    lines.write_text("".join(json.dumps(event) + "\n" for event in printed(events)))

    def backfill(*words):
        return tailgate.call("backfill", *tailgate.networks(), "--output", "json", *words)

    api = found(backfill("--log-group", GROUP, "--since", MIDNIGHT, "--requests-per-second", "50"))
    assert len(api) > 500 and ("2026-11-22T14:08:14Z", 900003, "203.0.113.78", "CONNECT") in api
    assert found(backfill("--file", plain)) == api
    assert found(backfill("--file", export(tmp_path, events))) == api
    for form in (document, lines):
        done = backfill("--file", form)
        assert found(done) == api
        # Told whose events they are, they are those that are known.
        done = backfill("--file", form, "--log-group", arn, "--state", tailgate.state)
        assert found(done) == api and all(f["known"] and f["log_group"] == GROUP for f in json_lines(done.stdout))
    with open(lines, "rb") as file:
        done = tailgate.call("backfill", *tailgate.networks(), "--output", "json", "--file", "-", stdin=file)
    assert found(done) == api


def test_an_event_of_an_export_ends_where_the_next_begins(tailgate, tmp_path):
    """Its lines are one event's, with the time it has; times that are none begin nothing."""
    log = tmp_path / "000000"
    log.write_text("2026-11-22T14:08:14.123Z " + row("203.0.113.5", 7) + "\n" + row("203.0.113.6", 8) + "\n2026-13-99T14:08:14.123Z x\n"
                   "2026-11-22T14:08:15.123Z \n2026-11-22T14:08:16Z " + row("203.0.113.7", 9))
    done = tailgate.call("backfill", *tailgate.networks(), "--output", "json", "--file", log)
    findings = json_lines(done.stdout)
    assert [(f["connection_id"], f["event_time"]) for f in findings if f["kind"] == "connection"] == [
        (7, "2026-11-22T14:08:14.123Z"), (8, "2026-11-22T14:08:14.123Z"), (9, "2026-11-22T14:08:16Z")]
    assert len({f["event_id"] for f in findings if f["kind"] == "connection"}) == 2


def test_a_folder_with_what_cannot_be_read(tailgate, tmp_path):
    """It is said, the rest is read, and the exit status tells."""
    folder = tmp_path / "logs"
    (folder / "b").mkdir(parents=True)
    (folder / "a.log").write_text(row("203.0.113.5", 7) + "\n")
    (folder / "b" / "cut.gz").write_bytes(gzip.compress((row("203.0.113.6", 8) + "\n").encode() * 1000)[:-20])
    (folder / "b" / "events.json").write_text(json.dumps({"message": row("203.0.113.7", 9)}) + "\n{}\n")
    (folder / "c.log").symlink_to(folder / "nowhere")
    (tmp_path / "elsewhere").write_text(row("203.0.113.8", 10) + "\n")
    (folder / "d.log").symlink_to(tmp_path / "elsewhere")
    (folder / "b" / "again").symlink_to(folder)
    os.mkfifo(folder / "fifo")
    done = tailgate.call("backfill", *tailgate.networks(), "--output", "json", "--file", folder, status=4)
    assert {7, 8, 9, 10} == {f["connection_id"] for f in json_lines(done.stdout)}
    assert "cut.gz: cannot be read further" in done.stderr and "events.json:2: this line is not" in done.stderr
    for says in ("c.log: a link to nothing", "again: a link to a folder it is in", "fifo: neither a file nor a folder"):
        assert says in done.stderr


@pytest.mark.parametrize("groups", [["/a/name"], ["arn:aws:logs:eu-west-1:123456789012:log-group:a", "arn:aws:logs:eu-west-1:123456789012:log-group:b"]])
def test_whose_events_a_file_holds_is_one_arn(tailgate, tmp_path, groups):
    (tmp_path / "f").write_text("")
    words = [word for group in groups for word in ("--log-group", group)]
    done = tailgate.call("backfill", "--file", tmp_path / "f", *tailgate.networks(), "--region", "eu-west-1", *words, status=2)
    assert "one log group, by its ARN" in done.stderr


def test_csv(tailgate, tmp_path):
    """A row for each finding, whose texts are texts to a spreadsheet, too, and hold no control characters."""
    rows = [row("203.0.113.5", 7, user='=cmd|" /c calc"!A1'), row("203.0.113.6", 8, user="@x\x1b[31m", database="+a"),
            row("-evil.example", 9, "FAILED_CONNECT", code=1045)]
    (tmp_path / "f").write_text("\n".join(rows))
    words = ("--file", tmp_path / "f", *tailgate.networks(), "--state", tailgate.state)
    done = tailgate.call("backfill", "--output", "csv", *words)
    findings = {int(f["connection_id"]): f for f in csv.DictReader(io.StringIO(done.stdout), strict=True)}
    assert findings.keys() == {7, 8, 9} and done.stdout.count("\n") == 4 and "\x1b" not in done.stdout
    assert [findings[7][name] for name in ("user", "address", "operation", "code", "time", "known")] == [
        "'=cmd|\" /c calc\"!A1", "203.0.113.5", "CONNECT", "0", "2026-11-22T14:08:14Z", "false"]
    assert findings[8]["user"] == "'@x\\x1b[31m" and findings[8]["database"] == "'+a" and findings[9]["host"] == "'-evil.example"
    listed = tailgate.call("findings", "--output", "csv").stdout
    assert [f["id"] for f in csv.DictReader(io.StringIO(listed))] == [f["id"] for f in findings.values()]
    assert "csv is for findings alone" in tailgate.call("status", "--output", "csv", status=2).stderr


def on_a_terminal(tailgate, *words):
    """What a command prints to standard error when that is a terminal; standard output goes nowhere."""
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(tailgate.command(*words), env=tailgate.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=its_end)
    os.close(its_end)
    said = b""
    try:
        while chunk := os.read(terminal, 65536):
            said += chunk
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert process.wait(30) == 0, said
    return said.decode().replace("\r\n", "\n")


def test_the_table_at_the_end(tailgate, tmp_path):
    """Who came, from where, how it ended, how often, first and last; on a terminal only, and escaped."""
    times = ("20261122 14:08:14", "20261122 14:09:00", "20261121 03:00:00")
    rows = [row("203.0.113.5", number, "FAILED_CONNECT", code=1045, database="", time=time) for number, time in enumerate(times)]
    rows += [row("203.0.113.6", 10, user="x\x1b[31m" + "y" * 100), row("host.example", 11)]
    rows += [row(f"198.51.100.{n}", 100 + n) for n in range(1, 51)]
    (tmp_path / "f").write_text("\n".join(rows))
    words = ("backfill", "--file", tmp_path / "f", *tailgate.networks())
    said = on_a_terminal(tailgate, *words)
    table = said[said.index("VERDICT"):].splitlines()
    assert re.match(r"outside +203.0.113.5 +app +failure +3  2026-11-21T03:00:00Z  2026-11-22T14:09:00Z$", table[1]) and len(table) == 42
    assert table[-1] == "and 13 more findings, of other clients, users or outcomes" and "\x1b" not in said
    assert sum(int(re.split(r"  +", line)[4]) for line in table[1:-1]) == 42
    assert "VERDICT" not in tailgate.call(*words).stderr

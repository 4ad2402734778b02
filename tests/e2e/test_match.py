# SPDX-License-Identifier: Apache-2.0
"""`match` behaves like grep."""

import gzip
import json
import random
import re

import pytest
from harness import row

ROWS = [row("172.31.9.9", 1), row("203.0.113.4", 2), row("localhost", 3), row("203.0.113.4", 4, operation="DISCONNECT")]


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows"
    path.write_text("\n".join(ROWS) + "\n")
    return path


def test_lines(tailgate, rows):
    done = tailgate.call("match", "CONNECT -localhost -172.31", rows)
    assert [line.split(",")[4] for line in done.stdout.splitlines()] == ["2", "4"]


def test_standard_input_count_and_inversion(tailgate, rows):
    with open(rows, "rb") as file:
        assert tailgate.call("match", "--count", '",CONNECT,"', stdin=file).stdout == "3\n"
    assert tailgate.call("match", "--count", "--invert-match", "localhost", rows, rows).stdout == f"{rows}:3\n{rows}:3\n"


def test_exit_status(tailgate, rows, tmp_path):
    tailgate.call("match", "nothing", rows, status=1)
    tailgate.call("match", "CONNECT", tmp_path / "absent", status=2)
    tailgate.call("match", "CONNECT", rows, tmp_path / "absent", status=2)


def test_a_bad_pattern_has_a_caret(tailgate, rows):
    lines = tailgate.call("match", "CONNECT a:b", rows, status=2).stderr.splitlines()
    assert lines[-2] == "  CONNECT a:b" and lines[-1].index("^") == lines[-2].index(":")


def test_a_pattern_that_begins_with_a_hyphen(tailgate, rows):
    assert tailgate.call("match", "--count", "--", "-localhost", rows).stdout == "3\n"


def test_events(tailgate, tmp_path):
    events = [{"message": "CONNECT\nlocalhost", "id": 1}, {"message": "CONNECT\n10.2.3.4", "id": 2}]
    lines, document = tmp_path / "lines", tmp_path / "document"
    lines.write_text("".join(json.dumps(e) + "\n" for e in events))
    document.write_text(json.dumps({"events": events, "searchedLogStreams": []}, indent=4))
    assert tailgate.call("match", "--events", "CONNECT -localhost", lines).stdout == json.dumps(events[1]) + "\n"
    assert json.loads(tailgate.call("match", "--events", "CONNECT -localhost", document).stdout) == events[1]
    lines.write_text("no json\n" + json.dumps(events[1]) + "\n")
    tailgate.call("match", "--events", "CONNECT", lines, status=2)


@pytest.mark.parametrize("end", ["", "\n"])
def test_many_lines_as_grep_does(tailgate, tmp_path, end):
    """More than one read of the file, lines of all lengths, with and without a last LF."""
    draw = random.Random(1)
    lines = [draw.choice(ROWS) + "," * draw.randrange(400) if draw.randrange(9) else "" for _ in range(9000)]
    path = tmp_path / "log"
    path.write_text("\n".join(lines) + end)
    lines = (("\n".join(lines) + end).removesuffix("\n")).split("\n")
    for pattern, holds in (("CONNECT -localhost -172.31", lambda line: "CONNECT" in line and "localhost" not in line and "172.31" not in line),
                           ("?localhost ?DISCONNECT", lambda line: "localhost" in line or "DISCONNECT" in line),
                           ("-CONNECT", lambda line: "CONNECT" not in line),
                           ("%CONNECT,prod,,0,+$%", lambda line: re.search(r"CONNECT,prod,,0,+$", line))):
        found = [line for line in lines if holds(line)]
        others = [line for line in lines if not holds(line)]
        assert tailgate.call("match", "--", pattern, path).stdout == "".join(line + "\n" for line in found)
        assert tailgate.call("match", "--invert-match", "--", pattern, path).stdout == "".join(line + "\n" for line in others)
        assert tailgate.call("match", "--count", "--", pattern, path).stdout == f"{len(found)}\n"
        assert tailgate.call("match", "--count", "--invert-match", "--", pattern, path).stdout == f"{len(others)}\n"


@pytest.mark.parametrize("pattern, found", [("%,CONNECT,|^x%", 3), ("[date, rest=*203.0.113.4*]", 2), ('{ $.a IS TRUE && $.b[*] = "x*" }', 1)])
def test_every_shape(tailgate, rows, pattern, found):
    rows.write_text(rows.read_text() + '{"a":true,"b":[1,"xy"]}\n{"a":true,"b":["y"]}\n')
    assert tailgate.call("match", "--count", pattern, rows).stdout == f"{found}\n"


@pytest.mark.parametrize("words", [[], ["--invert-match"]])
def test_what_is_undecided_is_shown(tailgate, tmp_path, words):
    path = tmp_path / "log"
    path.write_text("first\nab\n" + "a" * 300_000 + "\nlast\n")
    done = tailgate.call("match", *words, "%a{0,60000}[bc]%", path, status=2)
    assert "a" * 300_000 + "\n" in done.stdout and "the line at byte 9: " in done.stderr
    assert done.stdout.splitlines()[0] == ("first" if words else "ab") and ("last" in done.stdout) == bool(words)


def test_fields_are_extracted(tailgate, tmp_path):
    log = tmp_path / "log"
    log.write_text('127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a\\"b" 404 17 more\n10.0.0.1 - - [x] "y" 200 3 z\n')
    events = tmp_path / "events"
    events.write_text(json.dumps({"message": "a b c d"}) + "\n")
    done = tailgate.call("match", "--extract", "[ip, , user, ..., status=4*, bytes, last]", log)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"$ip": "127.0.0.1", "$2": "-", "$user": "frank", "$status": "404", "$bytes": "17", "$last": "more"}]
    done = tailgate.call("match", "--extract", "--events", "[first, rest]", events)
    assert json.loads(done.stdout) == {"$first": "a", "$rest": "b c d"}
    assert tailgate.call("match", "--extract", "--count", "[ip, rest]", log).stdout == "2\n"
    assert "space-delimited" in tailgate.call("match", "--extract", "ERROR", log, status=2).stderr
    tailgate.call("match", "--extract", "--invert-match", "[a]", log, status=2)


def test_gzip(tailgate, tmp_path):
    """As exports to S3 are; several members one after the other, and one that was cut."""
    text = "".join(row("203.0.113.4", n) + "\n" for n in range(30_000)).encode()
    whole, twice, cut, damaged = (tmp_path / name for name in ("whole.gz", "twice.gz", "cut.gz", "damaged.gz"))
    packed = gzip.compress(text)
    whole.write_bytes(packed)
    twice.write_bytes(packed + packed + bytes(100))
    cut.write_bytes(packed[: len(packed) // 2])
    damaged.write_bytes(packed[: len(packed) // 2] + b"x" * 40 + packed[len(packed) // 2 + 40 :])
    assert tailgate.call("match", "203.0.113.4", whole).stdout.encode() == text
    assert tailgate.call("match", "--count", "203.0.113.4", twice).stdout == "60000\n"
    with open(whole, "rb") as file:
        assert tailgate.call("match", "--count", "CONNECT", stdin=file).stdout == "30000\n"
    done = tailgate.call("match", "CONNECT", cut, status=2)
    assert "ends too early" in done.stderr and text.decode().startswith(done.stdout[:-200]) and len(done.stdout) > 1000
    assert "gzip" in tailgate.call("match", "CONNECT", damaged, status=2).stderr
    found = tailgate.call("backfill", "--file", whole, "--network", "10.0.0.0/8", "--output", "json").stdout
    assert len(found.splitlines()) == 30_000


def test_a_file_of_one_byte_is_no_gzip(tailgate, tmp_path):
    path = tmp_path / "x"
    for text in (b"", b"\x1f", b"\x1f\n\x8b"):
        path.write_bytes(text)
        assert tailgate.call("match", "--count", "", path, status=None).stdout == f"{len(text.splitlines())}\n"

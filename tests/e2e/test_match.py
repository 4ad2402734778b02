# SPDX-License-Identifier: Apache-2.0
"""`match` behaves like grep."""

import gzip
import json
import random
import re
import signal
import subprocess

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


def test_the_right_spelling_can_be_copied(tailgate, rows):
    assert "; write \\x20\n  %a b%\n    ^\n" in tailgate.call("match", "%a b%", rows, status=2).stderr


def test_a_pattern_that_begins_with_a_hyphen(tailgate, rows):
    assert tailgate.call("match", "--count", "--", "-localhost", rows).stdout == "3\n"


EVENTS = [{"message": "CONNECT\nlocalhost", "id": 1}, {"message": "CONNECT\n10.2.3.4 \u00e9\U0001f600 \" \\", "id": 2.50}]


@pytest.mark.parametrize("text", [
    "".join(json.dumps(event) + "\n" for event in EVENTS),
    "\r\n".join(["", *(" " + json.dumps(event) for event in EVENTS), "  "]),
    json.dumps({"events": EVENTS, "searchedLogStreams": []}, indent=4),
    json.dumps({"searchedLogStreams": [], "events": [], "events ": 1})[:-1] + ', "events": ' + json.dumps(EVENTS, separators=(",", ":")) + "}",
    json.dumps(EVENTS, indent=1) + "\n\n", json.dumps(EVENTS), json.dumps({"events": EVENTS}),
])
def test_events(tailgate, tmp_path, text):
    """On lines, or in a document; last keys count, and what is printed is what was there, on a line of its own."""
    path = tmp_path / "events"
    path.write_text(text)
    (line,) = tailgate.call("match", "--events", "CONNECT -localhost", path).stdout.splitlines()
    assert json.loads(line) == EVENTS[1] and '"id":2.5' in line.replace(" ", "")
    assert tailgate.call("match", "--events", "--count", '"10.2.3.4 \u00e9\U0001f600 "', path).stdout == "1\n"


GOOD = '{"message": "CONNECT"}'


@pytest.mark.parametrize("text, found, says", [
    (f"no json\n{GOOD}\n", 1, ":1: this line is not"),
    (f'{GOOD}\n{{"message": 1}}\n[1]\n{GOOD[:-1]}\n{GOOD} x\n"CONNECT"\n{GOOD}\n', 2, ":2: this line is not"),
    (f'{GOOD}\n{{"message": "{"x" * (5 << 20)}CONNECT"}}\n{GOOD}\n', 3, None),
    (f'{{"message": "{"x" * (5 << 20)}CONNECT"}}\n{GOOD}\n{{}}\n', 2, ":3: this line is not"),
    (f'{{"events": [{GOOD}]}}\n{{"events":\n[{GOOD}, {GOOD}]}}\n\n{GOOD}', 4, None),
    (f'{{"events": [{GOOD}]}} xx CONNECT\nmore\n{GOOD}\n', 2, ":1: from here on it is neither"),
    (f'{{"msg": 1}}\n{GOOD}\n', 1, ":1: this line is not"),
    (f'{{"events": [{GOOD}, {{}}, 1, {GOOD}]}}', 2, ":2: this event has no"),
    (f'{{"events": [\n{GOOD},\n{GOOD}\n', 1, ":1: from here on it is neither"),
    (f'\n{{"message": "CONN\n{GOOD}\n{GOOD}\n', 2, ":2: from here on it is neither"),
    ('{\n"events": 1}', 0, ":1: this JSON document has neither"),
    ("[" * 5000 + "]" * 5000, 0, ":1: from here on"),
    (f'{{"message": "CONNECT", "x": {"[" * 900 + "]" * 900}}}', 1, None),
])
def test_what_is_no_event_is_said_and_the_rest_read(tailgate, tmp_path, text, found, says):
    path = tmp_path / "events"
    path.write_text(text)
    done = tailgate.call("match", "--events", "--count", "CONNECT", path, status=2 if says else 0)
    assert done.stdout == f"{found}\n" and done.stderr.count("\n") <= 2
    assert f"{path}{says}" in done.stderr if says else not done.stderr


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


@pytest.mark.parametrize("pattern, text, says", [
    ("{ $.a = 1 }", "START\n", "its first event is no JSON object"), ("[a, b=1]", ' {"a": 1}\n', "its first event is a JSON object"),
    ("{ $.a = 1 }", ' {"a": 2}\n', None), ("[a, b=1]", "a 2\n", None), ("x", '{"a": 2}\n', None),
    ("{ $.a = 1 }", 'START\n{"a": 1}\n', None), ("{ $.a = 1 }", "", None),
])
def test_a_pattern_for_another_log(tailgate, tmp_path, pattern, text, says):
    path = tmp_path / "log"
    path.write_text(text)
    stderr = tailgate.call("match", pattern, path, status=None).stderr
    assert (f"{path}: nothing matches, and {says}" in stderr and stderr.count("\n") == 1) if says else not stderr


@pytest.mark.parametrize("pattern", ["CONNECT", "-CONNECT", "x"])
def test_a_line_too_long_for_an_event_is_undecided(tailgate, tmp_path, pattern):
    path = tmp_path / "log"
    long = "a" * ((4 << 20) - 3) + "CONNECT" + "a" * (5 << 20)
    path.write_text(f"y\n{long}\nCONNECT x\n")
    done = tailgate.call("match", "--", pattern, path, status=2)
    assert long in done.stdout.splitlines() and "the line at byte 2 is longer than 4194304 bytes: undecided" in done.stderr
    assert ("y" in done.stdout.splitlines()) == (pattern == "-CONNECT") and ("CONNECT x" in done.stdout.splitlines()) == (pattern != "-CONNECT")
    assert tailgate.call("match", "--count", "--", pattern, path, status=2).stdout == "2\n"


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


def test_output_that_nobody_takes(tailgate, tmp_path):
    """Before `head` it ends quietly, as grep does; a full disk is an error."""
    log = tmp_path / "log"
    log.write_text((row("203.0.113.4", 1) + "\n") * 100_000)
    process = subprocess.Popen(tailgate.command("match", "CONNECT", log), env=tailgate.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(30) == -signal.SIGPIPE
    process.stderr.close()
    with open("/dev/full", "w") as full:
        done = subprocess.run(tailgate.command("match", "CONNECT", log), env=tailgate.environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2 and b"could not be written whole" in done.stderr


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
    damaged.write_bytes(packed[:-8] + b"x" + packed[-7:])
    done = tailgate.call("match", "CONNECT", damaged, status=2)
    assert "damaged" in done.stderr and done.stdout.encode() == text, "all was there; the checksum is wrong"
    found = tailgate.call("backfill", "--file", whole, "--network", "10.0.0.0/8", "--output", "json").stdout
    assert len(found.splitlines()) == 30_000


def test_a_file_of_one_byte_is_no_gzip(tailgate, tmp_path):
    path = tmp_path / "x"
    for text in (b"", b"\x1f", b"\x1f\n\x8b"):
        path.write_bytes(text)
        assert tailgate.call("match", "--count", "", path, status=None).stdout == f"{len(text.splitlines())}\n"

# SPDX-License-Identifier: Apache-2.0
"""`match` behaves like grep."""

import json

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

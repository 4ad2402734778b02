# SPDX-License-Identifier: Apache-2.0
"""`backfill --file` on the captured log of a real MariaDB, against the list of attempts really made."""

import gzip
from collections import Counter

import pytest
from harness import DATA, captured_truth, json_lines, outside_ids, row


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "audit.log"
    path.write_bytes(gzip.decompress((DATA / "mariadb-audit.log.gz").read_bytes()))
    return path


def test_every_outside_attempt_is_found(tailgate, capture):
    done = tailgate.call("backfill", "--file", capture, "--output", "json", *tailgate.networks())
    findings = json_lines(done.stdout)
    truth = captured_truth()
    wanted = outside_ids(truth)
    assert len(wanted) == 1099
    assert wanted <= {f["connection_id"] for f in findings}
    # Bare scans have no id in the truth: each is a row of its own, from that address, with no user.
    scans = Counter(t["logged_host"] for t in truth if t["outside_vpc"] and t["conn_id"] is None)
    assert sum(scans.values()) == 52
    found = Counter(f["host"] for f in findings if f["connection_id"] not in wanted and f["user"] == ""
                    and f["operation"] == "FAILED_CONNECT")
    assert all(found[host] >= count for host, count in scans.items()), (scans, found)


def test_few_findings_on_inside_attempts(tailgate, capture):
    done = tailgate.call("backfill", "--file", capture, "--output", "json", *tailgate.networks())
    inside = {t["conn_id"]: t for t in captured_truth() if not t["outside_vpc"] and t["cls"] != "forge-db"}
    truly = [f for f in json_lines(done.stdout) if f["connection_id"] in inside
             and f["host"] == inside[f["connection_id"]]["logged_host"] and f["operation"] != "CHANGEUSER"]
    assert len(truly) <= 5, [f["message"] for f in truly]


def test_a_file_needs_neither_aws_nor_a_state_file(tailgate, capture):
    bare = {"PATH": tailgate.environment["PATH"], "HOME": "/nonexistent"}
    done = tailgate.call("backfill", "--file", capture, *tailgate.networks(), environment=bare)
    assert done.stdout.count("\n") >= 1151
    assert not tailgate.aws.requests


def test_state_makes_findings_known(tailgate, tmp_path):
    path = tmp_path / "one.log"
    path.write_text(row("203.0.113.5", 7) + "\n")
    words = ("backfill", "--file", path, "--network", "10.0.0.0/8", "--output", "json", "--state", tailgate.state)
    assert json_lines(tailgate.call(*words).stdout)[0]["known"] is False
    assert json_lines(tailgate.call(*words).stdout)[0]["known"] is True
    assert len(tailgate.findings()) == 1


def test_the_format_of_a_file(tailgate, tmp_path):
    path = tmp_path / "error.log"
    # A user whose name holds an LF and the beginning of another format's line.
    path.write_text("2026-11-22 14:08:14.12 Logon       Login failed for user 'x\n20261122 14:08:14,'. Reason: "
                    "Could not find a login matching the name provided. [CLIENT: 203.0.113.9]\n")
    words = ("backfill", "--file", path, "--network", "10.0.0.0/8", "--output", "json")
    found = json_lines(tailgate.call(*words, "--format", "sqlserver").stdout)
    assert [(f["address"], f["marks"]) for f in found] == [(None, ["fragment"]), ("203.0.113.9", ["tainted"])]
    assert json_lines(tailgate.call(*words, "--format", "oracle").stdout) == []
    refused = tailgate.call(*words, "--format", "mssql", status=2).stderr
    assert "format: \"mssql\" is not one of auto, mysql, postgresql, sqlserver, oracle" in refused
    refused = tailgate.call("backfill", "--since", "1h", "--log-group", "g", "--network", "10.0.0.0/8", "--format", "mysql", status=2).stderr
    assert "--format goes with --file" in refused


def test_exit_status_tells_of_findings_on_request(tailgate, tmp_path):
    path = tmp_path / "one.log"
    path.write_text(row("10.1.2.3", 6) + "\n")
    words = ("backfill", "--file", path, "--network", "10.0.0.0/8", "--fail-on-findings")
    tailgate.call(*words, status=0)
    path.write_text(row("203.0.113.5", 7))
    tailgate.call(*words, status=1)


def test_hostile_bytes_are_escaped(tailgate, tmp_path):
    path = tmp_path / "hostile.log"
    path.write_bytes(b"20261122 14:08:14,srv,e\x1b[2Jv\xffil\xe2\x80\xae,203.0.113.9,8,0,FAILED_CONNECT,,,1045\n"
                     b"20261122 14:08:15,srv,a\0b,203.0.113.9,9,0,FAILED_CONNECT,,,1045\n")
    text = tailgate.call("backfill", "--file", path, "--network", "10.0.0.0/8").stdout
    assert "e\\x1b[2Jv\\xffil\\u{202e}" in text and "a\\x00b" in text
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    found = json_lines(tailgate.call("backfill", "--file", path, "--network", "10.0.0.0/8", "--output", "json").stdout)
    assert found[0]["user"] == "e\x1b[2Jv\ufffdil\u202e" and found[1]["user"] == "a\0b"


def test_sql_text_is_not_kept(tailgate, tmp_path):
    path = tmp_path / "query.log"
    path.write_text("20261122 14:08:14,srv,app,10.0.0.5,8,9,QUERY,prod,'SET PASSWORD = \\'CONNECT secret\\'',0\n")
    done = tailgate.call("backfill", "--file", path, "--filter", "CONNECT", "--output", "json")
    assert "secret" not in done.stdout
    assert json_lines(done.stdout)[0]["message"].endswith(",QUERY,prod,'<33 bytes>',0")


def test_a_line_of_a_megabyte(tailgate, tmp_path):
    path = tmp_path / "long.log"
    path.write_bytes(b"20261122 14:08:14,srv," + b"u" * (1 << 20) + b",203.0.113.9,8,0,FAILED_CONNECT,,,1045\n")
    found = json_lines(tailgate.call("backfill", "--file", path, "--network", "10.0.0.0/8", "--output", "json").stdout)
    assert [f["address"] for f in found] == ["203.0.113.9"]


def test_wrong_use(tailgate, tmp_path):
    assert "such file" in tailgate.call("backfill", "--file", tmp_path / "no", "--filter", "x", status=2).stderr
    done = tailgate.call("backfill", "--file", "x", "--since", "1h", "--network", "10.0.0.0/8", status=2)
    assert "do not go with it" in done.stderr
    assert "nothing to look for" in tailgate.call("backfill", "--file", "x", status=2).stderr

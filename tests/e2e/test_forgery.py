# SPDX-License-Identifier: Apache-2.0
"""What a client can and cannot do to an audit log of the MySQL family, by captures and by the list of attempts really made."""

import gzip
import re
from collections import defaultdict
from datetime import datetime, timezone

import pytest
from harness import DATA, captured_truth, json_lines, outside_ids

HEAD = re.compile(rb"(\d{8} \d\d:\d\d:\d\d),")
CONNECTION = re.compile(rb",0,(?:CONNECT|FAILED_CONNECT|DISCONNECT|CHANGEUSER),.*,(?:|TLSv1\.\d),\d+$", re.DOTALL)
QUERY = re.compile(rb",\d+,QUERY,.*',\d+$", re.DOTALL)


def captured_lines():
    return gzip.decompress((DATA / "mariadb-audit.log.gz").read_bytes()).rstrip(b"\n").split(b"\n")


def judge(tailgate, path):
    return json_lines(tailgate.call("backfill", "--file", path, "--output", "json", *tailgate.networks()).stdout)


@pytest.fixture(scope="module")
def truth():
    return captured_truth()


@pytest.fixture
def findings(tailgate, tmp_path):
    path = tmp_path / "audit.log"
    path.write_bytes(b"\n".join(captured_lines()) + b"\n")
    return judge(tailgate, path)


def is_true(finding, attempts):
    """Whether a finding is of an attempt really made: by connection id and host; bare scans have no id in the truth."""
    attempt = attempts.get(finding["connection_id"])
    if attempt:
        return attempt["logged_host"] == finding["host"]
    return finding["user"] == "" and finding["operation"] == "FAILED_CONNECT" and finding["code"] in (1156, 1158, 1159, 1043)


def test_forged_rows_are_said_to_be(findings, truth):
    attempts = {t["conn_id"]: t for t in truth if t["conn_id"] is not None}
    found = {f["connection_id"] for f in findings if f["kind"] == "connection" and is_true(f, attempts)}
    assert outside_ids(truth) <= found
    forged = [f for f in findings if f["kind"] == "connection" and not is_true(f, attempts)]
    unmarked = [f for f in forged if not f["marks"] and not f["true_client"]]
    print(f"{len(forged)} forged rows told as attempts, {len(unmarked)} of them without a mark")
    assert len(forged) >= 40 and not unmarked
    # And no row of a true attempt from outside is said to be proved a forgery.
    assert not [f for f in findings if "forged" in f["marks"] and is_true(f, attempts) and attempts[f["connection_id"]]["outside_vpc"]]


def test_genuine_attempts_from_inside_are_left_alone(findings, truth):
    inside = {t["conn_id"]: t for t in truth if not t["outside_vpc"] and t["conn_id"] is not None}
    named = [f for f in findings if f["connection_id"] in inside and f["host"] == inside[f["connection_id"]]["logged_host"]]
    torn = [f for f in named if inside[f["connection_id"]]["cls"] == "forge-db"]
    print(f"{len(named)} findings on {len(inside)} attempts from inside, {len(torn)} of them on databases that forge rows")
    assert len(named) - len(torn) <= 5, named
    assert all(f["kind"] in ("fragment", "forgery") for f in torn)


def test_a_change_of_user_is_of_its_connection(findings):
    changed = [f for f in findings if f["operation"] == "CHANGEUSER" and f["outcome"] == "success"]
    assert all(f["verdict"] == "outside" and f["address"] for f in changed)


def test_the_perfect_forgery_names_its_client(tailgate):
    findings = judge(tailgate, DATA / "mariadb-perfect-forgery.log")
    rows = [f for f in findings if f["address"] == "8.8.4.4"]
    assert len(rows) == 4 and all("forged" in f["marks"] and f["true_client"] == "127.0.0.1" and f["severity"] == "high" for f in rows)
    said = [f for f in findings if f["kind"] == "forgery"]
    assert [(f["host"], f["connection_id"]) for f in said] == [("127.0.0.1", 3), ("127.0.0.1", 4)]
    assert len(findings) == 6


def as_aurora(lines):
    """Each time as microseconds; the lines of one second are spread over it."""
    times = [HEAD.match(line) for line in lines]
    count, number = defaultdict(int), defaultdict(int)
    for time in times:
        count[time and time[1]] += 1
    for line, time in zip(lines, times):
        if time:
            seconds = datetime.strptime(time[1].decode(), "%Y%m%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
            micros = int(seconds) * 10**6 + number[time[1]] * 10**6 // count[time[1]]
            number[time[1]] += 1
            line = b"%d" % micros + line[len(time[1]):]
        yield line


def as_rds_mysql(lines):
    for line in lines:
        if CONNECTION.search(line):
            line += b",SOCKET" if b",rdsadmin,localhost," in line else b",TCP/IP"
        elif QUERY.search(line):
            line += b",,"
        yield line


@pytest.mark.parametrize("dialect", [as_aurora, as_rds_mysql])
def test_other_dialects_give_the_same_attempts(tailgate, tmp_path, findings, dialect):
    def attempts(found):
        return {(f["address"] or f["host"], f["connection_id"], f["operation"], f["outcome"]) for f in found if f["kind"] == "connection"}

    path = tmp_path / "derived.log"
    path.write_bytes(b"\n".join(dialect(captured_lines())) + b"\n")
    derived = judge(tailgate, path)
    assert len(attempts(derived)) > 1100
    assert attempts(derived) == attempts(findings)
    if dialect is as_rds_mysql:
        assert {f["tls"] for f in derived if f["kind"] == "connection" and f["outcome"] == "success" and "ambiguous" not in f["marks"]} <= {"no", None}
        assert any(f["tls"] == "no" for f in derived)


def test_hostile_names_are_told_when_they_are_made(tailgate, tmp_path):
    path = tmp_path / "names.log"
    path.write_text("20261122 14:00:00,srv,admin,10.0.0.5,5000,0,CONNECT,,,0\n"
                    "20261122 14:00:00,srv,admin,10.0.0.5,8,9,QUERY,,'CREATE DATABASE `x,10.20.3.4,9,0,CONNECT,p`',0\n"
                    "20261122 14:00:01,srv,admin,10.0.0.5,8,10,QUERY,,'CREATE DATABASE shop',0\n")
    found = judge(tailgate, path)
    assert [(f["kind"], f["severity"]) for f in found] == [("hostile-name", "high")]
    assert "10.20.3.4" not in found[0]["message"]

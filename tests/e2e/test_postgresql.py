# SPDX-License-Identifier: Apache-2.0
"""`backfill --file` on the captured logs of a real PostgreSQL, against the list of attempts really made."""

import calendar
import gzip
import json
import time
from collections import Counter, defaultdict

import pytest
from harness import DATA, json_lines

NOWHERE = ("--network", "192.0.2.0/24")  # in which no client is: every attempt is a finding
FORGED = {"8.8.4.4"}  # an address that never connected
FORGED_PORTS = {("10.0.3.4", 5432), ("10.0.3.4", 54)}  # of one that did, but from other ports


def captured(name):
    with gzip.open(DATA / f"{name}.gz") as file:
        return file.read()


def truth():
    """The attempts over the network, with what the log can say of their outcome."""
    words = {"success": "success", "fail": "failure", "aborted": "failure"}
    attempts = [json.loads(line) for line in captured("postgresql-truth.jsonl").splitlines()]
    for attempt in attempts:
        attempt["outcome"] = words[attempt["outcome"]]
    return [a for a in attempts if a["src"] not in ("socket", "127.0.0.1")]


def is_forged(finding):
    return finding["address"] in FORGED or (finding["address"], finding["port"]) in FORGED_PORTS


def has_torn_names(attempt):
    return "\n" in (attempt["user"] or "") + (attempt["db"] or "")


def seconds(finding):
    return calendar.timegm(time.strptime(finding["time"][:19], "%Y-%m-%dT%H:%M:%S"))


@pytest.fixture
def read(tailgate, tmp_path):
    """The findings of a capture, with other networks than the usual ones if need be."""
    bare = {key: value for key, value in tailgate.environment.items() if key != "TAILGATE_STATE"}

    def call(name, *networks, form="postgresql"):
        path = tmp_path / name
        path.write_bytes(captured(f"{name}.log"))
        done = tailgate.call("backfill", "--file", path, "--format", form, "--output", "json",
                             *(networks or tailgate.networks()), environment=bare)
        return json_lines(done.stdout)
    return call


def pick(attempt, found):
    """The finding of an attempt among those of its address and port, which was used more than once."""
    exact = [f for f in found if f["connection_id"] == attempt.get("pid")]
    return exact[0] if exact else min(found, key=lambda f: abs(seconds(f) - attempt["t0"]), default=None)


def test_every_attempt_of_a_known_port_is_found(read):
    by_client = defaultdict(list)
    for finding in read("postgresql", *NOWHERE):
        if finding["kind"] == "connection" and not is_forged(finding):
            by_client[finding["address"], finding["port"]].append(finding)
    known = [a for a in truth() if a.get("src_port") is not None]
    assert len(known) == 2984
    found = [(a, pick(a, by_client[a["src"], a["src_port"]])) for a in known]
    assert not [a for a, f in found if f is None]
    # Twelve scans only connected: of those the log has nothing but that.
    wrong = [(a["cls"], f["outcome"]) for a, f in found if f["outcome"] != a["outcome"]]
    assert Counter(wrong) == {("scan", "unknown"): 12}
    for attempt, finding in found:
        if attempt["outcome"] == "success":
            assert finding["connection_id"] == attempt["pid"]
        if attempt["outcome"] == "success" and not has_torn_names(attempt):
            assert (finding["user"], finding["database"]) == (attempt["user"], attempt["db"])
            # A client that prefers TLS may have made a connection without it.
            assert (finding["tls"] or "").startswith("TLSv1") == (attempt["sslmode"] != "disable"), finding


def test_attempts_of_unknown_ports_are_as_many_as_failed(read):
    findings = [f for f in read("postgresql", *NOWHERE) if f["kind"] == "connection" and not is_forged(f)]
    made, found = Counter(), Counter(f["address"] for f in findings)
    for attempt in truth():
        made[attempt["src"]] += 1
    # With sslmode=prefer a failed login is two connections.
    twice = Counter(a["src"] for a in truth() if a.get("sslmode") == "prefer" and a["outcome"] == "failure")
    assert found == made + twice


def test_few_findings_beside_the_attempts_from_outside(read):
    """Inside attempts are told only where they tear rows by their names."""
    inside = [f for f in read("postgresql") if f["verdict"] == "inside"]
    assert inside and all(f["kind"] == "fragment" for f in inside)
    torn = {(a["src"], a["src_port"]) for a in truth() if a.get("src_port") and has_torn_names(a)}
    # The ports of those who asked for a database with LF in its name, and got none, are not known.
    assert len([f for f in inside if (f["address"], f["port"]) not in torn]) == 4


def test_forged_rows_are_marked_and_name_their_writer(read):
    findings = read("postgresql", *NOWHERE)
    forged = [f for f in findings if is_forged(f)]
    assert len(forged) >= 20
    writers = {a["src"] for a in truth() if has_torn_names(a)}
    for finding in forged:
        assert "forged" in finding["marks"] and finding["true_client"] in writers and finding["severity"] == "high"
    # Nobody else is accused.
    assert all(is_forged(f) for f in findings if "forged" in f["marks"])
    # Each of the attackers whose names hold LF is named by a finding of its own.
    torn = {(a["src"], a["src_port"]) for a in truth() if a["cls"] == "forge-user" and has_torn_names(a)}
    told = {(f["address"], f["port"]) for f in findings if "fragment" in f["marks"]}
    assert torn and torn <= told


@pytest.mark.parametrize("name", ["postgresql-probe", "postgresql-probe-prefix2"])
def test_both_prefixes_read_the_same(read, name):
    findings = read(name)
    outcomes = Counter((f["address"], f["outcome"], f["reason"]) for f in findings if f["kind"] == "connection")
    assert outcomes["203.0.113.50", "failure", "the password was RIGHT, but there is no such database"] == 1
    assert outcomes["2001:db8:bad::66", "success", None] == 1
    forged = [f for f in findings if f["address"] == "8.8.4.4"]
    assert forged and all("forged" in f["marks"] for f in forged)
    assert {f["true_client"] for f in forged} == {"203.0.113.50", "203.0.113.51"}
    assert [f["outcome"] for f in findings if f["user"] == "a@b:[5]:FATAL:  @p:[1]"] == ["failure"] * 2


def test_the_format_is_recognised(read):
    assert len(read("postgresql-probe", form="auto")) == len(read("postgresql-probe"))


def test_with_log_hostname_nothing_is_trusted(read):
    findings = read("postgresql-probe-loghostname", "--network", "0.0.0.0/0", "--network", "::/0")
    assert [f["host"] for f in findings] == ["ip-172-31-5-21.ec2.internal", "ip-10-0-3-4.ec2.internal",
                                             "bastion.corp.example.com", "scanner77.hostile.example.net", "???", "???"]
    assert all(f["verdict"] == "unresolved" and f["outcome"] == "success" for f in findings)

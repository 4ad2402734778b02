# SPDX-License-Identifier: Apache-2.0
"""`explain` says how a row is read, and why it is a finding or none."""

import json

import pytest
from harness import json_lines, row

NETWORKS = ("--network", "10.0.0.0/16", "--network", "office=192.0.2.0/24")
OUTSIDE = row("203.0.113.50", 6, "FAILED_CONNECT", user="admin", database="", code=1045)
INSIDE = row("10.0.3.4", 7)
STATEMENT = "20261122 14:00:00,srv,app,10.0.3.4,7,9,QUERY,prod,'SELECT \\'hunter2\\'',0"
RECEIVED = ("2026-11-22 14:00:00 UTC:10.0.3.4(5000):[unknown]@[unknown]:[77]:LOG:  connection received: host=10.0.3.4 "
            "port=5000")
SESSION = "2026-11-22 14:00:00 UTC:10.0.3.4(5000):app@prod:[77]:LOG:  "


@pytest.fixture
def explain(tailgate, tmp_path):
    """Explains rows (bytes or text) from standard input; returns one object for each."""

    def call(*rows, status=0, options=NETWORKS):
        path = tmp_path / "rows"
        path.write_bytes(b"".join((r if isinstance(r, bytes) else r.encode()) + b"\n" for r in rows))
        with open(path, "rb") as file:
            done = tailgate.call("explain", *options, "--output", "json", "--line", "-", stdin=file, status=status)
        return json_lines(done.stdout)

    return call


def fields(text):
    """Label and value of each line of the text form."""
    return [(line[:16].strip(), line[16:]) for line in text.splitlines()]


def test_every_field_of_a_row_from_outside(tailgate):
    told = fields(tailgate.call("explain", *NETWORKS, "--line", OUTSIDE).stdout)
    assert told == [
        ("row 1", OUTSIDE),
        ("format", "mysql"),
        ("time", "2026-11-22T14:08:14Z, if the server's clock is on UTC"),
        ("server", "ip-172-31-0-10"),
        ("user", "admin"),
        ("database", "(none)"),
        ("code", "1045: wrong password, or no such account"),
        ("client", "203.0.113.50"),
        ("operation", "FAILED_CONNECT"),
        ("id", "6"),
        ("host is", "an address: 203.0.113.50"),
        ("network", "in none of: vpc, office"),
        ("verdict", "outside: the address is in none of the networks the rule names"),
        ("result", "finding of rule connection-from-outside, severity medium: the client is outside; "
                   "it failed: wrong password, or no such account"),
    ]


def test_a_row_from_inside_is_no_finding(tailgate):
    told = fields(tailgate.call("explain", *NETWORKS, "--line", INSIDE).stdout)
    assert ("network", "in vpc") in told
    assert told[-1] == ("result", "no finding: every client in the row is inside or local")


def test_without_networks_the_row_is_still_read(tailgate):
    told = dict(fields(tailgate.call("explain", "--line", OUTSIDE).stdout))
    assert told["host is"] == "an address: 203.0.113.50"
    assert "cannot be told: give --network CIDR" in told["network"] and "verdict" not in told
    assert told["result"].startswith("no finding: there is nothing to judge by: give --network")


def test_exit_status(tailgate, explain):
    tailgate.call("explain", "--line", OUTSIDE)
    tailgate.call("explain", "--line", row("10.0.3.4", 7, "DISCONNECT"))
    for nothing in ("", "\n", "hello", STATEMENT):
        tailgate.call("explain", *NETWORKS, "--line", nothing, status=1)
    assert [e["row"] for e in explain("hello", OUTSIDE, "")] == [1, 2, 3]
    assert explain(status=1) == []


def test_usage(tailgate):
    assert "--line 'ROW'" in tailgate.call("explain", status=2).stderr
    assert "oracle" in tailgate.call("explain", "--line", OUTSIDE, "--format", "db2", status=2).stderr
    tailgate.call("explain", "--line", OUTSIDE, "--network", "10.0.0.1/8", status=2)


def test_a_row_that_is_given_may_be_several(tailgate):
    told = tailgate.call("explain", *NETWORKS, "--output", "json", "--line", INSIDE + "\n" + OUTSIDE + "\n").stdout
    assert [(e["row"], len(e["findings"])) for e in json_lines(told)] == [(1, 0), (2, 1)]


def test_json(explain):
    told = explain(OUTSIDE)[0]
    assert told["type"] == "explanation" and told["message"] == OUTSIDE
    assert (told["format"], told["time"], told["user"], told["code"]) == ("mysql", "2026-11-22T14:08:14Z", "admin", 1045)
    candidate, finding = told["candidates"][0], told["findings"][0]
    assert candidate["address"] == "203.0.113.50" and candidate["networks"] == []
    assert candidate["verdicts"] == {"connection-from-outside": "outside"}
    assert (finding["severity"], finding["verdict"], finding["kind"]) == ("medium", "outside", "connection")
    assert told["no_finding"] is None


@pytest.mark.parametrize("host, kind, address, verdict", [
    ("10.0.3.4", "address", "10.0.3.4", "inside"),
    ("::ffff:10.0.3.4", "address", "10.0.3.4", "inside"),
    ("2001:db8:bad::66", "address", "2001:db8:bad::66", "outside"),
    ("ip-10-0-5-5.eu-west-1.compute.internal", "derived", "10.0.5.5", "inside"),
    ("ip-10-0-300-5.ec2.internal", "name", None, "unresolved"),
    ("ip-10-0-3-4.evil.com", "name", None, "unresolved"),
    ("10.0.3.4.evil.com", "name", None, "unresolved"),
    ("fe80::1%eth0", "name", None, "unresolved"),
    ("localhost", "local", None, "local"),
    ("", "empty", None, "unknown"),
])
def test_hosts(explain, host, kind, address, verdict):
    candidate = explain(row(host, 7))[0]["candidates"][0]
    assert (candidate["host"], candidate["host_kind"], candidate["address"]) == (host, kind, address)
    assert candidate["verdicts"] == {"connection-from-outside": verdict}


@pytest.mark.parametrize("name, line, user, code, address", [
    ("mysql", OUTSIDE, "admin", 1045, "203.0.113.50"),
    ("mysql", "20261122 14:08:14,s,admin,203.0.113.50,6,0,CONNECT,prod,,0,SSL", "admin", 0, "203.0.113.50"),
    ("mysql", "1795356494000000,s,admin,203.0.113.50,6,0,CONNECT,prod,,0", "admin", 0, "203.0.113.50"),
    ("postgresql", "2026-11-22 14:08:14 UTC:203.0.113.50(5000):[unknown]@[unknown]:[77]:LOG:  connection received: "
                   "host=203.0.113.50 port=5000", "", None, "203.0.113.50"),
    ("sqlserver", "2026-11-22 14:08:14.00 Logon       Login failed for user 'sa'. Reason: Password did not match that "
                  "for the login provided. [CLIENT: 203.0.113.50]", "sa", 18456, "203.0.113.50"),
    ("oracle", "22-NOV-2026 14:08:14 * (CONNECT_DATA=(SERVICE_NAME=ORCL)(CID=(PROGRAM=x)(HOST=h)(USER=u))) * "
               "(ADDRESS=(PROTOCOL=tcp)(HOST=203.0.113.50)(PORT=5000)) * establish * ORCL * 12514", "u", 12514,
     "203.0.113.50"),
])
def test_formats(explain, name, line, user, code, address):
    for choice in (name, "auto"):
        told = explain(line, options=(*NETWORKS, "--format", choice))[0]
        assert (told["format"], told["time"]) == (name, "2026-11-22T14:08:14Z")
        assert (told["user"] or "", told["code"]) == (user, code)
        assert told["candidates"][0]["address"] == address and told["findings"][0]["verdict"] == "outside"


def test_dialect_and_encryption(explain):
    told = explain("20261122 14:08:14,s,app,10.0.3.4,6,0,CONNECT,prod,,0,TCP/IP")[0]
    assert (told["dialect"], told["connection_type"], told["encryption"]) == ("RDS for MySQL", "TCP/IP", "none")
    told = explain("20261122 14:08:14,s,app,10.0.3.4:5000,6,0,CONNECT,prod,TLSv1.3,0")[0]
    assert (told["encryption"], told["tls_version"], told["candidates"][0]["port"]) == ("tls", "TLSv1.3", 5000)


def test_the_right_password_is_said(tailgate):
    told = tailgate.call("explain", *NETWORKS, "--line", row("203.0.113.50", 6, "FAILED_CONNECT", code=1049)).stdout
    assert "severity high: the client is outside; it failed: the password was RIGHT, but there is no such database" in told


def test_each_client_of_an_ambiguous_row(explain):
    told = explain("20261122 14:50:00,srv,shop,203.0.113.68,103,0,CONNECT,x,10.0.3.4,9,0,CONNECT,p,,0")[0]
    assert [(c["host"], c["connection_id"]) for c in told["candidates"]] == [("10.0.3.4", 9), ("203.0.113.68", 103)]
    assert "ambiguous" in told["marks"]
    assert (told["findings"][0]["host"], told["findings"][0]["severity"]) == ("203.0.113.68", "high")


def test_a_torn_row_and_what_its_rest_says_of_it(explain):
    torn, rest = explain("20261122 14:08:14,s,x", "20261122 14:08:14,s,app,8.8.4.4,8,0,CONNECT,,,0,203.0.113.50,6,0,"
                         "FAILED_CONNECT,,,1045")
    assert torn["kind"] == "fragment" and torn["findings"][0]["kind"] == "fragment"
    assert (rest["kind"], rest["true_client"]) == ("forgery", "203.0.113.50")
    assert [(c["row"], c["withdrawn"]) for c in rest["changes"]] == [(1, True)]


def test_a_perfect_forgery_names_its_client_once_the_log_shows_it(explain, tailgate, tmp_path):
    forged = ["20261122 14:00:00,srv,a,10.0.3.4,5,0,CONNECT,,,0", "20261122 14:00:00,srv,app,8.8.4.4,8,0,CONNECT,,,0"]
    end = "20261122 14:00:00,srv,y,203.0.113.9,6,0,{},,,{}"
    rows = [*forged, end.format("FAILED_CONNECT", 1045), *forged, end.format("DISCONNECT", 0)]
    last = explain(*rows)[-1]
    assert (last["kind"], last["true_client"], last["findings"][0]["kind"]) == ("forgery", "203.0.113.9", "forgery")
    assert {c["row"] for c in last["changes"] if "forged" in c["marks"]} == {1, 2, 4, 5}
    assert {c["true_client"] for c in last["changes"]} == {"203.0.113.9"}
    with open(tmp_path / "rows", "rb") as file:
        text = tailgate.call("explain", *NETWORKS, "--line", "-", stdin=file).stdout
    assert ("row 1", "(above) It is marked forged now. Its true client is 203.0.113.9.") in fields(text)


def test_later_lines_tell_the_outcome_of_an_attempt(explain):
    prefix = "2026-11-22 14:00:00 UTC:203.0.113.9(5000):{}:[77]:LOG:  "
    received = prefix.format("[unknown]@[unknown]") + "connection received: host=203.0.113.9 port=5000"
    later = explain(received, prefix.format("app@prod") + "connection authorized: user=app database=prod")[1]
    change = later["changes"][0]
    assert (change["row"], change["outcome"], change["user"], change["database"]) == (1, "success", "app", "prod")
    assert later["findings"] == [] and later["no_finding"] == "the row only says more of rows above"


def test_a_hostile_name(explain):
    told = explain("20261122 14:09:00,s,dba,10.0.0.4,9,4,QUERY,,'CREATE DATABASE `a,0,b`',0")[0]
    assert told["kind"] == "hostile-name" and told["findings"][0]["severity"] == "high"


@pytest.mark.parametrize("rows", [
    [STATEMENT],
    ["20261122 14:00:00,srv,app,10.0.3.4,7,9,QUERY,prod,'SELECT \\'hunter2',203.0.113.9,104,0,CONNECT,',1064"],
    [RECEIVED, SESSION + "statement: SELECT 1 +", "\t'hunter2'"],
    [SESSION + "statement: SELECT 'hunter2'"],  # the first line seen of its session
    ["20261122 14:00:00,srv,app,10.0.3.4,7,9,QUERY,x", "20261122 13:00:00,h,f,10.0.3.4,9,0,CONNECT,p,,0,'SELECT hunter2',0"],
    [RECEIVED, SESSION + "AUDIT: SESSION,1,1,READ,SELECT,,,\"SELECT 'hunter2'\",<none>"],
])
def test_sql_is_not_shown(tailgate, rows):
    for output in ("text", "json"):
        told = tailgate.call("explain", *NETWORKS, "--output", output, "--line", "\n".join(rows), status=None)
        assert "hunter2" not in told.stdout and " bytes>" in told.stdout


def test_hostile_bytes_are_escaped(explain, tailgate, tmp_path):
    user = b"a\rb\tc\x1b[2J\xe2\x80\xae%n%s\x00\xff"
    line = b"20261122 14:08:14,s," + user + b",203.0.113.50,6,0,FAILED_CONNECT,,,1045"
    assert explain(line)[0]["user"] == "a\rb\tc\x1b[2J\u202e%n%s\x00\ufffd"
    with open(tmp_path / "rows", "rb") as file:
        text = tailgate.call("explain", *NETWORKS, "--line", "-", stdin=file).stdout
    assert ("user", r"a\x0db\x09c\x1b[2J\u{202e}%n%s\x00\xff") in fields(text)
    assert all(c >= " " for c in text.replace("\n", ""))


def test_a_very_long_row(explain):
    told = explain(b"x" * (1 << 20) + b",203.0.113.50,6,0,FAILED_CONNECT,,,1045")[0]
    assert told["findings"][0]["host"] == "203.0.113.50" and len(told["message"]) <= 4096
    long, rest = explain(b"20261122 14:00:00,s,a,10.0.3.4,7,9,QUERY,p,'" + b"hunter2 " * (5 << 17), status=None)
    assert "hunter2" not in json.dumps(long) + json.dumps(rest)


def test_the_rules_of_a_configuration(tailgate, tmp_path):
    path = tmp_path / "tailgate.yaml"
    path.write_text("networks:\n  vpc: [10.0.0.0/16]\n  office: [192.0.2.0/24]\nrules:\n"
                    "  - name: strict\n    outside: [vpc]\n    severity: critical\n"
                    "  - name: wide\n    outside: [vpc, office]\n    except:\n      - user: scanner\n"
                    "  - name: failures\n    outside: [vpc]\n    filter: FAILED_CONNECT\n")
    text = tailgate.call("explain", "--config", path, "--line", row("192.0.2.7", 9)).stdout
    told = fields(text)
    assert [value.split(":")[0] for label, value in told if label == "verdict"] == [
        "outside to rule strict", "inside to rule wide", "outside to rule failures"]
    assert [value for label, value in told if label == "result"] == [
        "finding of rule strict, severity critical: the client is outside; the severity is the one the rule sets"]
    text = tailgate.call("explain", "--config", path, "--line", row("203.0.113.4", 9, user="scanner")).stdout
    assert "the rule has exceptions" in text


def test_a_filter_that_does_not_match_is_said(explain):
    told = explain(row("203.0.113.4", 9), options=(*NETWORKS, "--filter", "FAILED_CONNECT"))[0]
    assert told["no_finding"] == "the client is not known to be inside, but no rule's filter matches the row"
    told = explain(row("203.0.113.4", 9), options=("--filter", "CONNECT"))[0]
    assert told["findings"][0]["kind"] == "pattern"


def test_no_state_file_is_made(tailgate):
    tailgate.call("explain", *NETWORKS, "--line", OUTSIDE)
    assert not tailgate.state.exists()

# SPDX-License-Identifier: Apache-2.0
"""`explain PATTERN` says what a pattern means, and shows what it hides."""

import re

import pytest
from harness import row

DEFAULT = "CONNECT -localhost -172.31"


def rows(text):
    """What became of each row of the example log."""
    return [(word, line.split(",")) for word, line in re.findall(r"^(matches|MISSES|leaves) +(\S+ \S+)$", text, re.M)]


def test_what_the_pattern_that_people_copy_hides(tailgate):
    told = tailgate.call("explain", DEFAULT).stdout
    fates = {(fields[2], fields[3], fields[6], fields[7]): word for word, fields in rows(told)}
    assert fates["app", "203.172.31.9", "CONNECT", "prod"] == "MISSES"
    assert fates["localhost", "203.0.113.9", "CONNECT", "prod"] == "MISSES"
    assert fates["app", "203.0.113.9", "CONNECT", "172.31"] == "MISSES"
    assert fates["app", "203.0.113.9", "CHANGEUSER", "prod"] == "MISSES"
    assert fates["app", "ip-10-0-0-7.ec2.internal", "CONNECT", "prod"] == "matches"
    assert fates["app", "203.0.113.9", "DISCONNECT", "prod"] == fates["app", "203.0.113.9", "FAILED_CONNECT", "prod"] == "matches"
    assert '",CONNECT," -",localhost," -",172.31."' in told
    assert "vpc: [172.31.0.0/16]" in told and "outside: [vpc]" in told
    assert 'write -"172.31"' in told


def test_what_it_says_is_what_match_does(tailgate, tmp_path):
    log = tmp_path / "log"
    for pattern in (DEFAULT, "%,CONNECT,|,FAILED_CONNECT,%", "?DISCONNECT ?QUERY", '[date, rest="*203.0.113*"]'):
        told = rows(tailgate.call("explain", pattern).stdout)
        log.write_text("".join(",".join(fields) + "\n" for _, fields in told))
        matched = tailgate.call("match", "--count", pattern, log).stdout
        assert len(told) >= 6 and int(matched) == sum(word == "matches" for word, _ in told)


def test_the_safer_spelling_is_a_pattern(tailgate, tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(line + "\n" for line in (row("203.172.31.9", 1), row("203.0.113.9", 2, operation="DISCONNECT"), row("172.31.4.5", 3))))
    safer = re.search("^safer +(.*)$", tailgate.call("explain", DEFAULT).stdout, re.M)[1]
    assert [line.split(",")[4] for line in tailgate.call("match", safer, log).stdout.splitlines()] == ["1"]


@pytest.mark.parametrize("pattern, word", [("", "every event"), ("{ $.a = 1 }", "JSON object"), ("[a, b=1]", "fields"), ("ERROR", '"ERROR"')])
def test_meaning(tailgate, pattern, word):
    told = tailgate.call("explain", pattern).stdout
    assert word in re.search("^meaning +(.*)$", told, re.M)[1] and "audit log" not in told


def test_what_is_no_pattern(tailgate):
    lines = tailgate.call("explain", "a:b", status=2).stderr.splitlines()
    assert lines[-2:] == ["  a:b", "   ^"]
    assert "either" in tailgate.call("explain", "a", "--line", "b", status=2).stderr
    assert "PATTERN" in tailgate.call("explain", status=2).stderr


def test_control_characters_are_escaped(tailgate):
    assert "\x1b" not in tailgate.call("explain", 'CONNECT -"\x1b[31m"').stdout

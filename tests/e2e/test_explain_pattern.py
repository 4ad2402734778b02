# SPDX-License-Identifier: Apache-2.0
"""`explain PATTERN` says what a pattern means, and shows what it hides."""

import ipaddress
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


@pytest.mark.parametrize("pattern, words", [
    ("", "every event"), ("[]", "every event"), ("ERROR", '"ERROR"'), ("{ $.a = 1 || $.b = 2 }", "one JSON object, where $.a = 1 || $.b = 2"),
    ("[a, b=1 && b!=2]", "at least 2 fields between blanks"), ("[a, b=1 && b!=2]", "the last of which takes all that is left, where a, b=1 && b!=2"),
    ("[a, ..., c]", "at least 2 fields"),
])
def test_meaning(tailgate, pattern, words):
    told = tailgate.call("explain", pattern).stdout
    assert words in re.search("^meaning +(.*)$", told, re.M)[1] and "In the audit log" not in told
    assert ("a row of an audit log is no JSON object" in told) == pattern.startswith("{")


@pytest.mark.parametrize("pattern, safer, network", [
    ("-192.168.1.", '-",192.168.1."', "192.168.1.0/24"), ("-192.168.1.7", '-",192.168.1.7,"', "192.168.1.7/32"), ("-172.31", '-",172.31."', "172.31.0.0/16"),
    ("-10.", '-",10."', "10.0.0.0/8"), ("-0.0.5", '-",0.0.5."', None), ("-%re%", "-%re%", None), (r'-"a\\b"', r'-"a\\b"', None), ("-300.1", '-",300.1."', None),
])
def test_what_to_write_instead(tailgate, pattern, safer, network):
    """As it is to be typed; with the networks that are meant, or a place for them."""
    told = tailgate.call("explain", "--", pattern).stdout
    assert re.search("^safer +(.*)$", told, re.M)[1] == safer
    assert f"vpc: [{network}]\n" in told if network else "vpc: [172.31.0.0/16]  # put the networks of your VPC here\n" in told


@pytest.mark.parametrize("excluded", ["172.31.4", "192.168.1.", "10.", "0.0.5", "10.1.2.3", "99.1.2", "203.0.113", "255.255", "1.", "172.16", "5.6."])
def test_addresses_in_examples_are_addresses_from_outside(tailgate, excluded):
    hosts = [fields[3] for word, fields in rows(tailgate.call("explain", "--", f"-{excluded}").stdout) if word == "MISSES"]
    assert len(hosts) > 1
    for host in hosts:
        if re.fullmatch("[0-9.]+", host):
            assert ipaddress.ip_address(host) in (ipaddress.ip_address("203.0.113.9"),) or ipaddress.ip_address(host).is_global


def test_what_is_no_pattern(tailgate):
    lines = tailgate.call("explain", "a:b", status=2).stderr.splitlines()
    assert lines[-2:] == ["  a:b", "   ^"]
    assert "either" in tailgate.call("explain", "a", "--line", "b", status=2).stderr
    assert "PATTERN" in tailgate.call("explain", status=2).stderr


def test_control_characters_are_escaped(tailgate):
    assert "\x1b" not in tailgate.call("explain", 'CONNECT -"\x1b[31m"').stdout

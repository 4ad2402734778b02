# SPDX-License-Identifier: Apache-2.0
"""What the service is asked to filter re-reads by leaves out nothing of which a rule tells anything.

The pattern is evaluated here, by another engine than any in tailgate, on every row of the captures and on lines made of them; the
variables of test_differential.py count here too.
"""

import gzip
import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "differential")]

from lines import DATA, FORMATS, Generator  # noqa: E402
from test_differential import COUNT, SEEDS, read_lines  # noqa: E402

CAPTURES = ("mariadb-audit.log.gz", "mariadb-probe.log.gz", "mariadb-perfect-forgery.log")
STATEMENTS = tuple(b"20261122 14:08:14,srv,app,10.0.3.4,5,77,QUERY,prod,'" + text + b"',0" for text in (
    b"SELECT 1", b"SET NAMES utf8mb4", b"SET autocommit=1", b"SET @@session.x = 1", b"COMMIT", b"INSERT INTO t VALUES (\\'a\\',0,\\'b\\')",
))
NAMING = tuple(b"20261122 14:08:14,srv,app,10.0.3.4,5,77,QUERY,,'" + text + b"`a,b`',0" for text in (
    b"CREATE DATABASE ", b"cReAtE schema ", b"  create user ", b"\\tCREATE ROLE ", b"/* x */CREATE DATABASE ", b"# x\\nCREATE DATABASE ",
    b"-- x\\nCREATE DATABASE ", b"rename user a to ", b"gRANT ALL ON *.* TO ", b"PREPARE s FROM \\'CREATE USER ", b"execute immediate \\'CREATE USER ",
    b"SET STATEMENT a=1 FOR CREATE USER ", b"set  statement a=1 for create user ", b"SET\\nSTATEMENT a=1 FOR CREATE USER ",
    b"SET \\nSTATEMENT a=1 FOR CREATE USER ", b"SET/**/STATEMENT a=1 FOR CREATE USER ", b"SET #a\\nSTATEMENT a=1 FOR CREATE USER ",
    b"SET#a\\nSTATEMENT a=1 FOR CREATE USER ", b"SET\x0bstatement a=1 FOR CREATE USER ",
))
# Torn heads, among them those that end as a statement does.
HEADS = (
    b"20261122 14:08:14,srv,x", b"20261122 14:08:14,srv,x',0", b"20261122 14:08:14,srv,Q',0",
    b"20261122 14:08:14,srv,,QUERYx',0,,", b"20261122 14:08:14,srv,x,QUERY_X',0", b"20261122 14:08:14,srv,x,QUERY,'", b"20261122 14:08:14,srv,x,QUERY,',",
    b"20261122 14:08:14,srv,x,QUERY,'0", b"20261122 14:08:14,srv,x,QUERY,',,", b"20261122 14:08:14,srv,x,QUERY,',0,", b"20261122 14:08:14,srv,x,QUERY,',0,0",
    b"20261122 14:08:14,srv,x,QUERY,',0,,,", b"20261122 14:08:14,srv,x,QUERY,',0,,0", b"20261122 14:08:14,srv,x,QUERY,\xc3\xa9',0 ",
    b"1728498527380921,", b"1728498527380921,5,6,,",
)
TOKENS = (
    b"CREATE DATABASE `a,b`", b"create user 'x,y'@'%'", b"GRANT ALL ON *.* TO `a,b`", b"RENAME USER a TO `b,c`", b"SET", b" ", b"\\n", b"\\t", b"/**/",
    b"STATEMENT x=1 FOR ", b"PREPARE s FROM \\'CREATE USER `a,b`\\'", b"EXECUTE IMMEDIATE \\'CREATE USER `a,b`\\'", b"-- a\\n", b"#a\\n", b"(", b"@", b"'",
    b",'", b"',0", b"',0,,", b"',0,", b"',,0", b"',0,0", b"',", b"'0", b"Q", b"QU", b"QUERY", b",QUERY,", b",QUERY_DDL,", b",QUERY_X,", b",QUERYX,",
    b"xQUERY,", b"\n", b"\xc3\xa9",
)


def pattern():
    """The pattern as an expression. Only what the service documents may stand in it (CloudWatch Logs User Guide, "Supported regular
    expressions (regex) syntax"), which Python reads alike; its length is limited, too."""
    text = read_lines("filter", [b""])[0]["filter"]
    assert len(text) <= 1024 and text[0] == text[-1] == "%"
    assert re.fullmatch(r"(?:[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|*+.]|\\x[0-9A-F]{2})+", text[1:-1])
    return re.compile(text[1:-1].encode())


def told(mode, events):
    """For each event that is told of, the kinds; fragments that were withdrawn are not told."""
    kinds, places = {}, {}
    for index, got in enumerate(read_lines(mode, events)):
        for number, kind, line in got["told"]:
            if kind == "withdrawn":
                kinds[places[number]].discard("fragment")
            else:
                kinds.setdefault(index, set()).add(kind)
                places[number] = index
    return {index: told_of for index, told_of in kinds.items() if told_of}


def captured(name):
    with (gzip.open if name.endswith(".gz") else open)(DATA / name, "rb") as file:
        return file.read().split(b"\n")[:-1]


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_read_with_the_filter(name):
    """As a re-read sees it: what matters is there and is judged without its neighbours; statements are left out."""
    events, matches = captured(name), pattern()
    passed = [index for index, event in enumerate(events) if matches.search(event)]
    whole = told("whole", events)
    filtered = {passed[index]: kinds for index, kinds in told("apart", [events[index] for index in passed]).items()}
    assert whole
    for index, kinds in whole.items():
        # That rows prove each other forged is told by whole reads only.
        assert kinds - {"forgery"} <= filtered.get(index, set()), events[index]
    for index, kinds in filtered.items():
        assert kinds - whole.get(index, set()) <= {"fragment"}, events[index]  # whose rest nobody looked for
    statements = [index for index, event in enumerate(events) if b",QUERY," in event and b",0,CONNECT," not in event]
    assert len(set(passed) & set(statements)) < len(statements) / 10


def test_heads_and_names_pass():
    matches = pattern()
    for kind, events in (("hostile-name", NAMING), ("fragment", HEADS)):
        out = told("alone", events)
        for index, event in enumerate(events):
            assert matches.search(event), event
            assert out.get(index) == {kind}, event
    for event in STATEMENTS:
        assert not matches.search(event) or b"@@" in event, event


@pytest.mark.parametrize("seed", SEEDS)
def test_made_lines_that_are_left_out_tell_nothing(seed):
    form = FORMATS["mysql"]()
    form.lines = list(STATEMENTS + NAMING + HEADS) * (len(form.lines) // 60) + form.lines
    form.tokens = form.tokens + TOKENS * 2
    generator, matches = Generator(form, seed), pattern()
    events = []
    for _ in range(COUNT):
        line = generator.line()
        if generator.draw.random() < 0.05:
            line += b"\n" + generator.line()
        events.append(line or b"x")
    out = told("alone", events)
    rows = [index for index, got in enumerate(read_lines("alone", events)) if got["rows"]]
    for index in [*out, *rows]:
        assert matches.search(events[index]), f"{events[index]!r} is told of as {out.get(index)} (DIFFERENTIAL_SEED={seed})"
    kinds = set().union(*out.values())
    assert {"connection", "fragment", "hostile-name"} <= kinds
    left_out = sum(not matches.search(event) for event in events)
    assert left_out > COUNT / 20

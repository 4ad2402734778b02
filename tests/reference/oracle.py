# SPDX-License-Identifier: Apache-2.0
"""One line of Oracle's listener log: fields with " * " between them.

A client's address is a field of its own that begins with "(ADDRESS=".  What stands before it and behind it is the client's choice in
part, so every such field is a candidate.
"""

import re

from . import times

MONTHS = (b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC")
CANDIDATES_MAX = 64
INT32_MAX = 2**31 - 1
TIME = re.compile(rb"([0-9]{2})-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) \*")


def parameter(name, text):
    """The value of the last "(NAME=VALUE)"; None if there is none."""
    found = re.search(rb".*\(" + name + rb"=([^)]*)", text, re.IGNORECASE | re.DOTALL)
    return found and found[1]


def addresses_of(line, whole):
    """The fields that are addresses, but for those in the name of the service, which comes after the event of a whole line.  Where no
    address stands before the event it is none: a client sent that word."""
    begins = [found.start() for found in re.finditer(rb"\(ADDRESS=", line, re.IGNORECASE)
              if found.start() == 0 or line[: found.start()].endswith(b"* ")]
    fields = [(begin, line[begin:end].split(b" * ")[0]) for begin, end in zip(begins, [*begins[1:], len(line)])]
    before = [field for field in fields if field[0] < line.lower().rfind(b"* establish *")]
    return [text for _, text in (whole and before) or fields]


def read(line):
    out = {"time_form": "none", "time_ms": 0, "kind": "other", "candidates": [], "too_many": False, "torn": False, "port": -1}
    at = TIME.match(line)
    if at and at[2].upper() in MONTHS:
        day, month, *rest = at.groups()
        when = times.milliseconds(rest[0], MONTHS.index(month.upper()) + 1, day, *rest[1:])
        if when is not None:
            out["time_form"], out["time_ms"] = "dated", when
    *before, end = line.rstrip(b" \t\r").split(b" * ")
    end = before and re.fullmatch(rb"[0-9]+", end)
    addresses = addresses_of(line, bool(end))
    hosts = [parameter(b"HOST", field) for field in addresses]
    out["too_many"] = len(hosts) > CANDIDATES_MAX
    # Addresses of sockets are left to the unit tests, and so are fields between which there is nothing.
    if None in hosts or re.search(rb"\* *\*|\*[^ ]", line):
        return {key: out[key] for key in ("time_form", "time_ms", "too_many")}
    if not addresses:
        out["has_code"] = False
        out["unterminated"] = out["time_form"] == "dated" and not re.fullmatch(rb".* \* [0-9]+", line.rstrip(b" \t\r"), re.DOTALL)
        return out
    out["kind"] = "connection"
    out["has_code"] = bool(end)
    out["torn"] = out["unterminated"] = not end
    out["code"] = min(INT32_MAX, int(end[0])) if end else 0
    out["outcome"] = "failure" if out["code"] != 0 else "unknown"
    operation = "FAILED_CONNECT" if out["code"] != 0 else "CONNECT"
    out["candidates"] = [{"operation": operation, "id": None, "host": host, "counts": True} for host in hosts[::-1][:CANDIDATES_MAX]]
    if len(hosts) == 1:
        port = parameter(b"PORT", addresses[0]) or b""
        if re.fullmatch(rb"[0-9]+", port) and int(port) <= 65535:
            out["port"] = int(port)
    return out

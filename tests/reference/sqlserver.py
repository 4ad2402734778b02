# SPDX-License-Identifier: Apache-2.0
"""One line of SQL Server's error log.

Names of users and databases are raw, and the client's address comes last: it is what stands from the last "[CLIENT: " to the last "]".
What a name holds of that form is a candidate as well.  Only what no name can shift is compared: of a line whose names hold quotes, the
user is left to the unit tests.
"""

import re

from . import times

CANDIDATES_MAX = 64
MARK = b"[CLIENT: "
TIME = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{2,3})(?=[ \t])")
PLAIN = re.compile(rb"[-0-9:. ]{22,23}[ \t]+Logon[ \t]+Login (failed|succeeded) for user '([^'\[]*)'\. [^'\[]*\[CLIENT: [^'\[\]]*\]")

# What a message that begins so does not end with; then a name has written one of the two.
OTHERS_END = {b"failed": b"Connection made using ", b"succeeded": b"Reason: "}


def read(line):
    out = {"time_form": "none", "time_ms": 0, "port": -1, "in_sql": 0, "quoted": False}
    at = TIME.match(line)
    when = times.milliseconds(*at.groups()) if at else None
    if when is not None:
        out["time_form"], out["time_ms"] = "dated", when
    pieces = line.split(MARK)
    if len(pieces) == 1:
        return out
    whole = line.rstrip(b" .\t\r")
    out["kind"] = "connection"
    if len(pieces) - 1 > CANDIDATES_MAX:
        out["too_many"] = True
        return out
    last = pieces[-1].rstrip(b" .\t\r")
    closed = last.endswith(b"]")
    hosts = [last[:-1] if closed else last.split(b"]")[0]]
    hosts += [piece.split(b"]")[0] for piece in pieces[-2:0:-1]]
    out["hosts"] = [host for host in hosts if host]
    if not closed:
        out["torn"] = out["unterminated"] = True
    plain = PLAIN.fullmatch(whole)
    if plain and at and OTHERS_END[plain[1]] not in plain[0]:
        out["user"] = plain[2]
        out["outcome"] = "failure" if plain[1] == b"failed" else "success"
        out["torn"] = out["unterminated"] = False
    return out

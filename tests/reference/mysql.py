# SPDX-License-Identifier: Apache-2.0
"""One line of server_audit: MariaDB, RDS for MySQL, Aurora MySQL.

Names are written raw, so the line is cut at all of its commas first, and every place where four pieces in turn look like the middle of
a connection's row is a candidate.
"""

import re

USER_MAX = 384
DATABASE_MAX = 256 + 32  # with what may follow the name in its row
CANDIDATES_MAX = 64
INT64_MAX = 2**63 - 1
INT32_MAX = 2**31 - 1

OPERATIONS = (b"CONNECT", b"FAILED_CONNECT", b"CHANGEUSER", b"DISCONNECT")
# The 11th column, by name or by number, and what it says of encryption.
CONNECTION_TYPES = {
    b"UNDEFINED": "unknown", b"0": "unknown",
    b"TCP/IP": "clear", b"1": "clear",
    b"SOCKET": "local", b"2": "local",
    b"NAMED_PIPE": "local", b"3": "local",
    b"SSL": "tls", b"4": "tls",
    b"SHARED_MEMORY": "local", b"5": "local",
}
NUMBER = re.compile(rb"-?[0-9]+")
DIGITS = re.compile(rb"[0-9]+")
TLS_VERSION = re.compile(rb"(?:TLSv1(?:\.[0-9])?)?")
TIMES = (("seconds", re.compile(rb"[0-9]{8} [0-9]{2}:[0-9]{2}:[0-9]{2}")), ("micros", re.compile(rb"[0-9]{16}")))
# Text of a statement: what has an escape is never raw.
SQL = re.compile(rb"(?:\\['\\nrtbf]|[^'\\\n\r\t\x08\x0c])*")
STATEMENT_END = re.compile(rb"',[0-9]+(,,)?")
TABLE = re.compile(rb".*,(?:READ|WRITE|CREATE|ALTER|DROP|RENAME),.*", re.DOTALL)
PROXY = re.compile(rb".*`,[0-9]+(?:,([^,]*))?", re.DOTALL)
ENDS_AS_STATEMENT = re.compile(rb".*',[0-9]+(?:,,)?", re.DOTALL)


class Pieces:
    """The line between its commas."""

    def __init__(self, line):
        self.line = line
        self.texts = line.split(b",")
        self.begins = [0]
        for text in self.texts:
            self.begins.append(self.begins[-1] + len(text) + 1)

    def __len__(self):
        return len(self.texts)


def clamp(text, least, most):
    return max(least, min(most, int(text)))


def time_form(pieces):
    """By the first piece, which a comma must end."""
    if len(pieces) > 1:
        for name, form in TIMES:
            if form.fullmatch(pieces.texts[0]):
                return name
    return "none"


def candidates_of(pieces):
    """Every "HOST,ID,0,OPERATION,", the rightmost first.  A host may be cut at its front by the beginning of the line, or off whole."""
    found = []
    for i in reversed(range(2, len(pieces) - 1)):
        if pieces.texts[i] in OPERATIONS and pieces.texts[i - 1] == b"0" and NUMBER.fullmatch(pieces.texts[i - 2]):
            found.append({
                "operation": pieces.texts[i].decode(),
                "id": clamp(pieces.texts[i - 2], -INT64_MAX, INT64_MAX),
                "host": pieces.texts[i - 3] if i >= 3 else b"",
                "host_at": pieces.begins[i - 3] if i >= 3 else 0,
                "after": pieces.begins[i + 1],
            })
    return found


def connection_end(text):
    """What follows an operation, as (database, TLS version, code, connection type); None if it is not whole."""
    texts = text.split(b",")
    for type_columns in (0, 1):
        if len(texts) < 3 + type_columns:
            continue
        connection_type = texts[-1] if type_columns else b""
        *database, tls, code = texts[: len(texts) - type_columns]
        if (not type_columns or connection_type in CONNECTION_TYPES) and TLS_VERSION.fullmatch(tls) and DIGITS.fullmatch(code):
            return b",".join(database), tls, clamp(code, 0, INT32_MAX), connection_type
    return None


def statement(pieces):
    """Where the text of a line that is one complete QUERY begins, and whether the two columns of RDS for MySQL follow it; or None."""
    head = pieces.texts[:8]
    if (len(pieces) < 9 or time_form(pieces) == "none" or not NUMBER.fullmatch(head[4]) or not DIGITS.fullmatch(head[5])
            or head[6] != b"QUERY"):
        return None
    begin = pieces.begins[8]
    if not pieces.line[begin:].startswith(b"'"):
        return None
    end = SQL.match(pieces.line, begin + 1).end()
    closing = STATEMENT_END.fullmatch(pieces.line, end)
    return None if closing is None else (begin, closing[1] is not None)


def ends_as_a_row(pieces, headed):
    """For a line without a candidate: whether it ends as any row does.  One that begins as a row must name its operation before that,
    and would have a candidate if it were a connection; the rest of a torn one need not."""
    line = pieces.line
    proxy = PROXY.fullmatch(line)
    return bool(
        (ENDS_AS_STATEMENT.fullmatch(line) and (not headed or b",QUERY," in line))
        or (TABLE.fullmatch(line) and line.endswith(b",") and not line.endswith(b",,"))  # a table has a name
        or (proxy and (proxy[1] is None or proxy[1] in CONNECTION_TYPES) and (not headed or b",PROXY_CONNECT," in line))
        or (not headed and connection_end(line) is not None)
    )


def read(line):
    pieces = Pieces(line)
    form = time_form(pieces)
    out = {
        "kind": "other", "time_form": form, "time": b"", "server": b"", "user": b"", "database": b"", "has_code": False, "code": 0,
        "connection_type": b"", "encryption": "unknown", "tls": b"", "torn": False, "unterminated": False, "too_many": False,
        "quoted": False, "in_sql": 0, "candidates": [],
    }
    after_server = 0
    if form != "none":
        out["time"], out["server"] = pieces.texts[:2]
        after_server = pieces.begins[2]
    found = candidates_of(pieces)
    sql = statement(pieces)
    if found and sql is not None:
        out["quoted"] = True
        # The user's and the database's name of each, as they would be: from behind the server, and to the end of the line.
        kept = [c for c in found if c["operation"] != "DISCONNECT" and c["host_at"] - 1 - after_server <= USER_MAX
                and len(line) - c["after"] <= DATABASE_MAX]
        out["in_sql"] = len(found) - len(kept)
        out["torn"] = out["unterminated"] = bool(kept)
        found = kept
    elif found:
        end = connection_end(line[found[0]["after"]:])
        out["torn"] = out["unterminated"] = end is None
        if end is None:
            out["database"] = line[found[0]["after"]:]
        else:
            out["database"], out["tls"], out["code"], out["connection_type"] = end
            out["has_code"] = True
            out["encryption"] = "tls" if out["tls"] else CONNECTION_TYPES.get(out["connection_type"], "unknown")
    else:
        out["unterminated"] = line != b"" and not ends_as_a_row(pieces, form != "none")
    if found:
        out["user"] = line[after_server:max(after_server, found[0]["host_at"] - 1)]
        if sql is not None:  # no SQL in a name
            out["user"] = line[after_server:max(after_server, min(found[0]["host_at"] - 1, sql[0]))]
    for number, candidate in enumerate(found):
        # DISCONNECT is the end of a session; but an attempt that a full server refuses has no other row, and no client in this one.
        full = number == 0 and (out["code"] == 1040 or (out["torn"] and line.endswith(b",,1040")))
        sourceless = candidate["id"] == 0 and candidate["host"] == b""
        candidate["counts"] = candidate["operation"] != "DISCONNECT" or full or sourceless
    out["too_many"] = len(found) > CANDIDATES_MAX
    if out["too_many"] or (sql is None and any(c["counts"] for c in found)):
        out["kind"] = "connection"
    out["candidates"] = [{key: c[key] for key in ("operation", "id", "host", "counts")} for c in found[:CANDIDATES_MAX]]
    return out

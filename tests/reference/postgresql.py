# SPDX-License-Identifier: Apache-2.0
"""One line of PostgreSQL's log: its beginning up to the client's address and port, and all places where the names may end.

Prefixes: "%t:%r:%u@%d:[%p]:" and "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a".
"""

import re

from . import times

SPLITS_MAX = 16
HOST_MAX = 1032
TIME = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))? [A-Za-z0-9+-]{1,15}:")
# An address or the name of a host, and a port.  A colon begins an IPv6 address if there are two, else the names of a process without client.
CLIENT = re.compile(rb"(?!:[^:])([!-'*-?A-~)]+)\(([0-9]{1,5})\):")
SEVERITIES = ("LOG", "FATAL", "ERROR", "STATEMENT")
# The severity may be in another language.
SEVERITY = rb"([A-Z\x80-\xff][A-Z0-9 \x80-\xff]{0,31}):  "
KNOWN = rb"(LOG|FATAL|ERROR|WARNING|NOTICE|INFO|PANIC|DEBUG|DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  "
PID = re.compile(rb":\[([0-9]{1,10})\]:")
# What "%l:%e:%s:%v:%x:%c:" puts between.
LONG = re.compile(
    rb"[0-9]{1,32}:([0-9A-Z]{0,32}):[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [A-Za-z0-9+-]{1,15}:"
    rb"[0-9/-]{0,32}:[0-9]{0,32}:[0-9a-f.]{0,32}:"
)
APPLICATION_MAX = 512  # with the severity behind it


def severity_at(line, place):
    """The severity of a line whose pid ends at that place, as (word, where the message begins, whether no application is named)."""
    found = re.compile(SEVERITY).match(line, place)
    if found:
        return found[1], found.end(), True
    long = LONG.match(line, place)
    if long is None:
        return None
    # "%q%a" follows: the application's name, glued to the severity.  Where it ends is only known by the words of the severities; without
    # a name any other will do.
    begin = long.end()
    unnamed = re.compile(rb"\[unknown\]" + SEVERITY).match(line, begin)
    found = unnamed or re.compile(KNOWN).search(line, begin, begin + APPLICATION_MAX) or re.compile(SEVERITY).match(line, begin)
    # A client can name its application so once it has logged in; but then no failure comes without an error code.
    proved_late = found and found[1] == b"FATAL" and long[1] == b"00000"
    return found and (found[1], found.end(), unnamed is not None and not proved_late)


def names_of(text):
    user, _, database = text.rpartition(b"@") if b"@" in text else (text, b"", b"")
    shown = [b"" if name == b"[unknown]" else name for name in (user, database)]
    return {"unnamed": text == b"[unknown]@[unknown]", "user": shown[0], "database": shown[1]}


def received(severity, message, remote, host):
    """Of "connection received: host=H port=P", or without a port for a socket."""
    if severity != "LOG" or not message.startswith(b"connection received: host="):
        return {"received": False}
    told = message[len(b"connection received: host="):]
    port = remote[len(host) + 1:-1]
    return {"received": True, "agrees": remote != b"" and told == (host + b" port=" + port if port else remote),
            "received_host": told.partition(b" ")[0]}


def read(line):
    at = TIME.match(line)
    if not at:
        return {"head": False}
    when = times.milliseconds(*[group or b"" for group in at.groups()])
    out = {"head": True, "dated": when is not None, "time_ms": when or 0, "port": -1, "host": b""}
    rest = line[at.end():]
    client = CLIENT.match(rest)
    if rest.startswith(b"[local]:"):
        out["remote_kind"], out["remote"], out["host"] = "local", b"[local]", b"[local]"
    elif client and len(client[1]) <= HOST_MAX and int(client[2]) <= 65535:
        out["remote_kind"], out["remote"], out["host"] = "client", rest[: client.end() - 1], client[1]
        out["port"] = int(client[2])
    elif rest.startswith(b":"):
        out["remote_kind"], out["remote"] = "none", b""
    else:
        return {"head": False}
    out["names"] = at.end() + len(out["remote"]) + 1
    splits = []
    for place in range(out["names"], len(line)):
        pid = PID.match(line, place)
        found = pid and severity_at(line, pid.end())
        if found and len(splits) < SPLITS_MAX:
            severity = found[0].decode("latin-1")
            severity = severity if severity in SEVERITIES else "other"
            message = line[found[1]:]
            splits.append({"at": place, "pid": int(pid[1]), "severity": severity, "early": found[2], "message": message,
                           **names_of(line[out["names"]:place]), **received(severity, message, out["remote"], out["host"])})
    out["splits"] = splits
    return out

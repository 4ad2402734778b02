# SPDX-License-Identifier: Apache-2.0
"""Attacks a real server from outside addresses, then asks tailgate who connected.

Started by tests/real/run inside namespaces of its own; not to be started otherwise.
Every forged row speaks of inside clients, or of another outside one, and carries the
server's own name and the time of the attack.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import client
import server

SERVER = "db1"
NETWORKS = ("172.31.0.0/16", "10.0.0.0/8")
PASSWORD = b"known to the attacker"
TIMEOUT = 120  # seconds


def _head():
    return time.strftime("%Y%m%d %H:%M:%S,", time.gmtime()) + SERVER


def _forged(near):
    """An inside connection, in a row that lacks the `,,0` at its end."""
    return f"{_head()},u,10.20.3.4,{near},0,CONNECT,p"


# Each attack gives the user and the database to log in with. `near` is an id that a connection will soon have.


def line_feed_in_a_user(near):
    return f"x\n{_head()},app,10.20.3.4,{near},0,CONNECT,p,,0", ""


def whole_rows_in_a_user(_):
    head = _head()
    return f"a,10.0.3.4,5,0,CONNECT,,,0\n{head},b,8.8.4.4,8,0,CONNECT,,,0\n{head},y", ""


def statement_in_a_user(_):
    head = _head()
    return f"a,10.0.3.4,5,7,QUERY,,'x',0\n{head},b,10.0.3.4,8,0,CONNECT,,,0\n{head},y", ""


def end_of_a_statement_in_a_database(near):
    return "shop", f"',0\n{_forged(near)}"


def second_client_in_a_database(near):
    return "shop", f"x,10.20.3.4,{near},0,CONNECT,p"


def second_client_behind_a_return(near):
    return "shop", f"x\r,10.20.3.4,{near},0,CONNECT,p"


def shifted_head_and_forged_tail(near):
    return "b,10.20.3.4", f"x\n{_forged(near)}"


def connection_as_a_statement(near):
    return "a,10.20.3.4,5,7,QUERY,p,'", f"',1064\n{_forged(near)}"


# What it is, its names, and whether somebody privileged has made them, so that the login succeeds.
ATTACKS = (
    ("a line feed in a user name", line_feed_in_a_user, False),
    ("whole rows in a user name", whole_rows_in_a_user, False),
    ("whole rows, the first a statement", statement_in_a_user, False),
    ("A: a database ends the row as SQL", end_of_a_statement_in_a_database, True),
    ("B: a database adds a second client", second_client_in_a_database, True),
    ("B: the same behind a CR", second_client_behind_a_return, True),
    ("B: account shifts, database forges", shifted_head_and_forged_tail, True),
    ("C: the whole row is a statement", connection_as_a_statement, True),
)


def _name(text, quote):
    return quote + text.replace(quote, quote * 2) + quote


def _make(server_, user, database):
    """What somebody privileged prepares, from inside."""
    account = "'" + user.replace("\\", "\\\\").replace("'", "''") + "'@'203.0.113.%'"
    with server_.admin() as admin:
        admin.execute(f"CREATE DATABASE {_name(database, '`')}")
        admin.execute(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{PASSWORD.decode()}'")
        admin.execute(f"GRANT ALL ON *.* TO {account}")


def _inside(server_):
    """What the database is for; returns the connection's id."""
    with server_.connect("10.20.3.4") as connection:
        connection.log_in(*server.ADMIN)
        connection.execute("DO 'work'")
        return connection.id


def attack(server_, number, make, works):
    """Returns the address and the connection id that are to be reported, and how the server writes them."""
    near = _inside(server_) + 3
    user, database = make(near)
    if works:
        _make(server_, user, database)
    source = server_.outsider(number)
    with server_.connect(source) as connection:
        try:
            connection.log_in(user.encode(), PASSWORD, database.encode())
            connection.execute("DO 'harm'")
        except client.Refused as error:
            if works or error.args[0] != 1045:
                raise
        else:
            if not works:
                raise server.Failed(f"logged in without an account: {user!r}")
    _inside(server_)
    operation = "CONNECT" if works else "FAILED_CONNECT"
    return source, connection.id, f"{user},{source},{connection.id},0,{operation},{database},,".encode()


def findings(log):
    """What `tailgate backfill --file` reports."""
    words = [os.environ["TAILGATE"], "backfill", "--file", str(log), "--output", "json"]
    for network in NETWORKS:
        words += ["--network", network]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise server.Failed(f"tailgate backfill: exit {done.returncode}")
    (log.parent / "findings.json").write_bytes(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines()]


def verdict(found, source, connection_id):
    """Whether the client is reported, and how, in words."""
    mine = [
        finding for finding in found
        if finding.get("address") == source and finding.get("connection_id") == connection_id
        and finding.get("operation") in ("CONNECT", "FAILED_CONNECT")
    ]
    if not mine:
        return False, "MISSED"
    marks = ", ".join(sorted({mark for finding in mine for mark in finding.get("marks") or []}))
    return True, f"reported ({mine[0]['operation']} {mine[0].get('code')}, {marks or 'no marks'})"


def main():
    folder, plugins = Path(sys.argv[1]), sys.argv[2]
    socket.sethostname(SERVER)
    try:
        with server.Server(folder, plugins) as server_:
            truth = [attack(server_, 10 + i, make, works) for i, (_, make, works) in enumerate(ATTACKS)]
        log = server_.log.read_bytes()
        found = findings(server_.log)
    except (server.Failed, client.Refused, OSError, subprocess.SubprocessError) as error:
        print(f"tests/real: {error}", file=sys.stderr)
        return 1
    reported = 0
    for (name, _, _), (source, connection_id, row) in zip(ATTACKS, truth):
        good, words = verdict(found, source, connection_id)
        if row not in log:
            good, words = False, "the server did not write the names as they were sent"
        reported += good
        print(f"{name:<35} {source} id {connection_id}: {words}")
    print(f"{len(ATTACKS)} attacks, {reported} reported")
    return 0 if reported == len(ATTACKS) else 1


if __name__ == "__main__":
    sys.exit(main())

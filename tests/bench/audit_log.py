#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes an audit log of any size, as MariaDB's server_audit would.

    python3 tests/bench/audit_log.py [--mib N] [--seed N] FILE

Prints what the log holds as JSON.  About 40 % of its rows hold the word CONNECT; most of these are the local rdsadmin and clients
inside of 172.31.0.0/16 and 10.0.0.0/16, and one row in a thousand is of a connection from outside.  Rows are made in blocks of some
thousand; writing a block again fills in times, connection ids and query ids that go on rising, and other addresses for the outside.
"""

import argparse
import json
import random
import time

MIB = 1 << 20
SERVER = b"ip-172-31-0-10"
BLOCKS = 24
BLOCK_SESSIONS = 1200  # a block is that many connections with all they did, some 6,000 rows
FIRST_SECOND = 1_795_305_600  # 2026-11-22 00:00:00 UTC
FIRST_ID = 148
ROWS_PER_SECOND = 200
BLOCK_OUTSIDE = 3  # of them; their six rows are one in a thousand
# Stand-ins of their true length in a block, replaced when it is written.
TIME = b"YYYYMMDD hh:mm:%02d"

INSIDE = [b"172.31.%d.%d" % (a, b) for a in (5, 16, 18, 33, 47) for b in (7, 20, 21, 113, 250)]
OTHER_NETWORK = [b"10.0.%d.%d" % (a, b) for a in (3, 64, 130) for b in (4, 19, 201)]
OUTSIDE = [b"203.0.113.%d" % n for n in range(2, 60)] + [b"198.51.100.%d" % n for n in range(90, 110)] + [b"2001:db8:bad::%x" % n for n in range(9)]
APP_USERS = (b"app", b"app", b"app", b"report", b"shop_rw", b"etl")
DATABASES = (b"prod", b"prod", b"shop", b"reporting")
GUESSED = (b"root", b"admin", b"mysql", b"rdsadmin", b"test", b"backup")

RDSADMIN_SQL = (
    b"SELECT 1",
    b"SELECT 1",
    b"SELECT count(*) from mysql.rds_history WHERE action = \\'disable set master\\' ORDER BY action_timestamp LIMIT 1",
    b"SELECT count(*) from mysql.rds_replication_status WHERE master_host IS NOT NULL and master_port IS NOT NULL "
    b"ORDER BY action_timestamp LIMIT 1",
    b"SET SESSION SQL_LOG_BIN=0",
    b"PURGE BINARY LOGS TO \\'mysql-bin-changelog.%(n)d\\'",
)
APP_SQL = (
    b"SET AUTOCOMMIT = 0",
    b"COMMIT",
    b"SET NAMES utf8mb4",
    b"SELECT id, a, b FROM t WHERE id = %(n)d",
    b"SELECT o.id, o.state, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = %(n)d ORDER BY o.id DESC LIMIT 50",
    b"INSERT INTO prod.t(a,b) VALUES(\\'O\\\\\\'Reilly %(n)d\\',\\'na\xc3\xafve, with, commas\\')",
    b"UPDATE cart SET quantity = quantity + 1, changed_at = NOW()\\n WHERE session = \\'%(n)08x%(n)08x\\' AND item = %(n)d",
    b"SELECT CONNECTION_ID()",
    b"/* ApplicationName=shop */ SELECT price, currency FROM price WHERE item IN (%(n)d, 3, 5, 8, 13, 21) AND valid_from <= NOW() FOR UPDATE",
    b"INSERT INTO audit_event(kind, actor, detail) VALUES (\\'page\\', %(n)d, \\'{\"path\": \"/item/%(n)d\", \"ms\": 12, "
    b"\"agent\": \"Mozilla/5.0 (X11; Linux x86_64)\"}\\')",
)
# The short statements are the frequent ones; SELECT CONNECTION_ID() is what drivers send, and holds the word searched for.
APP_WEIGHTS = (8, 8, 1, 12, 6, 7, 5, 1, 3, 3)


class Block:
    """Rows with places left open: `template % arguments` is their text but for the time."""

    def __init__(self, draw):
        rows = []  # (moment within the block, session, row with its places)
        self.attempts = BLOCK_OUTSIDE
        outside = draw.sample(range(BLOCK_SESSIONS), BLOCK_OUTSIDE)
        for session in range(BLOCK_SESSIONS):
            rows += self.attempt(draw, session) if session in outside else self.session(draw, session)
        rows.sort(key=lambda row: row[0])
        self.seconds = len(rows) // ROWS_PER_SECOND + 1
        parts, self.arguments = [], []
        for number, (_, session, row, outside) in enumerate(rows):
            parts.append(TIME % (number // ROWS_PER_SECOND) + row)
            if outside is not None:
                self.arguments.append(("outside", outside))
            self.arguments.append(("connection", session))
            if b",%d,%d," in row:
                self.arguments.append(("query", number))
        self.template = b"\n".join(parts) + b"\n"
        self.rows = len(rows)
        self.with_word = sum(b"CONNECT" in part for part in parts)
        self.outside_rows = sum(row[3] is not None for row in rows)

    def session(self, draw, session):
        """One connection: its rows, in order.  They overlap with those of the next few."""
        kind = draw.random()
        if kind < 0.6:
            who, database, sql, weights = b"rdsadmin,localhost", b"", RDSADMIN_SQL, None
        else:
            address = draw.choice(INSIDE if kind < 0.92 else OTHER_NETWORK)
            who, database, sql, weights = draw.choice(APP_USERS) + b"," + address, draw.choice(DATABASES), APP_SQL, APP_WEIGHTS
        if kind >= 0.6 and draw.random() < 0.01:  # somebody inside mistook a password
            return self.rows_of(session, [b"%%d,0,FAILED_CONNECT,,,1045", b"%%d,0,DISCONNECT,,,0"], who)
        texts = [b"%%d,0,CONNECT,%s,,0" % database]
        for text in draw.choices(sql, weights, k=min(30, int(draw.expovariate(1 / 3)) + (draw.random() < 0.5))):
            text = text % {b"n": draw.randrange(1000, 9_999_999)}
            code = 1146 if b"rds_" in text else 0
            texts.append(b"%%d,%%d,QUERY,%s,'%s',%d" % (database, text.replace(b"%", b"%%"), code))
        texts.append(b"%%d,0,DISCONNECT,%s,,0" % database)
        return self.rows_of(session, texts, who, draw)

    def attempt(self, draw, session):
        if draw.random() < 0.05:
            texts, user = [b"%%d,0,CONNECT,prod,,0", b"%%d,0,DISCONNECT,prod,,0"], b"app"
        else:
            texts, user = [b"%%d,0,FAILED_CONNECT,,,1045", b"%%d,0,DISCONNECT,,,0"], draw.choice(GUESSED)
        return self.rows_of(session, texts, user + b",%b", outside=session)

    @staticmethod
    def rows_of(session, texts, who, draw=None, outside=None):
        out, moment = [], float(session)
        for text in texts:
            row = b",%s,%s,%s" % (SERVER, who, text.replace(b"%%d", b"%d"))
            out.append((moment, session, row, outside))
            moment += 1e-6 if draw is None else draw.random() * 8
        return out


def write(path, size, seed):
    """Writes about `size` bytes, whole rows; returns what they hold."""
    draw = random.Random(seed)
    blocks = [Block(draw) for _ in range(BLOCKS)]
    second, connection, query = FIRST_SECOND, FIRST_ID, 503
    holds = {"bytes": 0, "rows": 0, "rows_with_word": 0, "outside_rows": 0, "outside_attempts": 0}
    with open(path, "wb", buffering=MIB) as file:
        while holds["bytes"] < size:
            block = draw.choice(blocks)
            hosts = {}
            arguments = []
            for kind, number in block.arguments:
                if kind == "connection":
                    arguments.append(connection + number)
                elif kind == "query":
                    arguments.append(query + number)
                else:
                    arguments.append(hosts.setdefault(number, draw.choice(OUTSIDE)))
            text = block.template % tuple(arguments)
            for n in range(block.seconds):
                stamp = time.strftime("%Y%m%d %H:%M:%S", time.gmtime(second + n)).encode()
                text = text.replace(TIME % n, stamp)
            file.write(text)
            second += block.seconds
            connection += BLOCK_SESSIONS
            query += block.rows
            holds["bytes"] += len(text)
            holds["rows"] += block.rows
            holds["rows_with_word"] += block.with_word
            holds["outside_rows"] += block.outside_rows
            holds["outside_attempts"] += block.attempts
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("file")
    options = parser.parse_args()
    print(json.dumps(write(options.file, options.mib * MIB, options.seed)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Lines for the comparison: true ones of each format, and what a seeded generator makes of them."""

import gzip
import os
import random
from pathlib import Path

DATA = Path(os.environ.get("TAILGATE_TEST_DATA", Path(__file__).resolve().parents[1] / "data"))

MYSQL = (
    b"20221201 00:05:15,ip-10-1-2-3,rdsadmin,localhost,26,0,CONNECT,,,0,SOCKET",
    b"20221201 00:05:15,ip-10-1-2-3,app,203.0.113.9,26,0,FAILED_CONNECT,,,1045,TCP/IP",
    b"20221201 00:05:15,ip-10-1-2-3,app,203.0.113.9,26,99,QUERY,prod,'SELECT \\'a\\\\\\n\\' ',0,,",
    b"1728498527380921,aurora-1,user_1,172.31.49.222,147189,0,FAILED_CONNECT,,,1045",
    b"1728498527380921,aurora-1,user_1,172.31.49.222,147189,7,QUERY,prod,'SELECT 1',0",
    b"20261122 14:08:14,db,app,10.0.3.4:51234,26,0,CONNECT,prod,TLSv1.3,0",
    b"20261122 14:13:50,ip-172-31-0-10,,,0,0,DISCONNECT,,,1040",
    b"20261122 14:13:49,ip-172-31-0-10,root,localhost,3,1,WRITE,mysql,db,",
    b"20261122 14:13:49,ip-172-31-0-10,root,localhost,3,1,RENAME,shop,a|shop.b,",
    b"20261122 14:08:14,ip-172-31-0-10,app,10.0.3.4,150,0,PROXY_CONNECT,prod,`a`@`%`,0",
    b"20261122 14:50:00,srv,a,10.20.3.4,5,7,QUERY,p,',203.0.113.68,6074,0,CONNECT,',1064",
    b"20261122 14:50:00,srv,shop,203.0.113.68,103,0,CONNECT,x,10.20.3.4,9,0,CONNECT,p,,0",
    b"20261122 14:13:50,ip-172-31-0-10,,,3217,0,CHANGEUSER,OOOOOOOO,,0",
    b"p,203.0.113.50,6,0,FAILED_CONNECT,,,1045",
)
MYSQL_TOKENS = (
    b",", b",,", b",0,", b",0,CONNECT,", b",0,FAILED_CONNECT,", b",0,CHANGEUSER,", b",0,DISCONNECT,", b",10.0.3.4,5,0,CONNECT,",
    b",203.0.113.9,77,0,FAILED_CONNECT,", b"'", b"',0", b"',0,,", b",'", b"\\", b"\\'", b"\\\\", b"\\n", b"\r", b"\t", b"\0",
    b"`", b"@", b"|",
    b".", b",7,QUERY,p,'", b"QUERY", b"20261122 14:08:14,", b"1728498527380921,", b",srv,", b",,,1045", b",,,1040", b",,0",
    b",TLSv1.3,0",
    b",TLSv1,0", b",TLSv1.33,0", b",,0,SSL", b",,0,4", b",,0,6", b",,0,TCP/IP", b",,0,SHARED_MEMORY", b",,0,NAMED_PIPE",
    b",,0,UNDEFINED",
    b"-", b"-1", b"4294967296", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"99999999999999999999",
    b"00", b"0",
    b",,2147483647", b",,2147483648", b",,-1", b",WRITE,", b",READ,", b",RENAME,", b",PROXY_CONNECT,", b"`@`", b"`,0", b"CONNECT",
    b"\xff", b"\xc3",
)


def mysql_lines():
    with gzip.open(DATA / "mariadb-audit.log.gz") as file:
        captured = file.read().split(b"\n")[:-1]
    # Of rows that do not differ but in their numbers some are enough.
    return list(MYSQL) * 40 + captured


SQLSERVER = tuple(b"2026-11-22 14:08:14.12 " + text for text in (
    b"Logon       Login failed for user 'sa'. Reason: Password did not match that for the login provided. [CLIENT: 203.0.113.9]",
    b"Logon       Login failed for user 'x'. Reason: Failed to open the explicitly specified database 'prod'. [CLIENT: 203.0.113.9]",
    b"Logon       Login failed for user 'x'. [CLIENT: <local machine>]",
    b"Logon       Login succeeded for user 'app'. Connection made using SQL Server authentication. [CLIENT: 10.0.3.4]",
    b"Logon       Login failed for user 'x [CLIENT: 10.0.3.4]'. Reason: Could not find a login matching the name provided. [CLIENT: 2001:db8::9]",
    b"Logon       Error: 18456, Severity: 14, State: 8.",
    b"spid51      Starting up database 'x'.",
))
SQLSERVER_TOKENS = (
    b"[CLIENT: ", b"[CLIENT: 10.0.3.4]", b"]", b"[", b"'", b"'. Reason: ", b"'. ", b"Login failed for user '",
    b"Login succeeded for user '", b" ",
    b".", b"\r", b"\t", b"\0", b"\xff", b"Reason: ", b"2024-02-29 23:59:59.999 ", b"2026-02-29 23:59:59.99 ", b"Logon       ",
    b"[Database: 'a']",
    b"<named pipe>", b"CLIENT: ", b"[CLIENT:",
)

ORACLE = tuple(b"22-NOV-2026 14:00:00 * " + text for text in (
    b"(CONNECT_DATA=(SERVICE_NAME=ORCL)(CID=(PROGRAM=sqlplus)(HOST=app1)(USER=jdoe))) * (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.5)(PORT=51234))"
    b" * establish * ORCL * 0",
    b"(CONNECT_DATA=(SID=X)(CID=(PROGRAM=)(HOST=__jdbc__)(USER=))) * (ADDRESS=(PROTOCOL=tcp)(HOST=203.0.113.9)(PORT=56553)) * establish * X * 12505",
    b"(CONNECT_DATA=(SID=X)) * (ADDRESS=(PROTOCOL=tcps)(HOST=2001:db8::9)(PORT=40000)) * establish * a * (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.5)(PORT=5))"
    b" * establish * X * 0 * 12514",
    b"(CONNECT_DATA=(SERVICE_NAME=ORCL)) * (ADDRESS=(PROTOCOL=ipc)(KEY=EXTPROC1521)) * establish * ORCL * 0",
    b"service_update * ORCL * 0",
    b"12502",
))
ORACLE_TOKENS = (
    b" * ", b"*", b" ", b"(", b")", b"(ADDRESS=", b"(ADDRESS=(PROTOCOL=tcp)(HOST=10.0.3.4)(PORT=1))", b"(HOST=", b"(PORT=",
    b"(PORT=65536)", b"(USER=",
    b" * establish * ", b" * 0", b" * 12514", b" * 99999999999", b"\r", b"\0", b"\xff", b"31-FEB-2026 14:00:00 * ",
    b"01-jan-1970 00:00:00 * ",
    b"(PROTOCOL=beq)", b"=",
)

POSTGRESQL = (
    b"2026-11-22 14:10:32 UTC:10.0.3.4(45850):[unknown]@[unknown]:[3883]:LOG:  connection received: host=10.0.3.4 port=45850",
    b"2026-11-22 14:10:32 UTC:2001:db8:bad::66(58476):app@prod:[3886]:LOG:  connection authorized: user=app database=prod application_name=web "
    b"SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)",
    b"2026-11-22 14:10:32 UTC:203.0.113.9(45850):root@prod:[3883]:FATAL:  password authentication failed for user \"root\"",
    b"2026-11-22 14:10:32 UTC:[local]:rdsadmin@postgres:[3845]:LOG:  disconnection: session time: 0:00:00.021 user=rdsadmin database=postgres host=[local]",
    b"2026-11-22 14:10:32 UTC::@:[7]:LOG:  checkpoint starting: time",
    b"2026-11-22 14:10:32 +03:ip-10-0-3-4.ec2.internal(1):x@d:[1]:LOG:  q@prod:[3883]:FATAL:  database \"x\" does not exist",
    b"2026-11-22 14:16:54.061 UTC:203.0.113.50(44878):app@prod:[12981]:2:28000:2026-11-22 14:16:54 UTC:3/424:0:6b02f956.32b5:[unknown]FATAL:  "
    b"no pg_hba.conf entry for host \"203.0.113.50\", user \"app\", database \"prod\", no encryption",
    b"2026-11-22 14:16:54.062 UTC:203.0.113.50(44882):[unknown]@[unknown]:[12982]:1:00000:2026-11-22 14:16:54 UTC::0:6b02f956.32b6:[unknown]LOG:  "
    b"connection received: host=203.0.113.50 port=44882",
    b"2026-11-22 14:16:52.972 UTC:[local]:rdsadmin@postgres:[12972]:8:00000:2026-11-22 14:16:52 UTC::0:6b02f954.32ac:psqlLOG:  disconnection: x",
    b"\tSET b = 1",
    b"y@prod:[12985]:FATAL:  z",
)
POSTGRESQL_TOKENS = (
    b":", b"::", b"@", b"[", b"]", b":[9]:", b":[9]:LOG:  ", b":[9]:FATAL:  ", b":[4294967296]:LOG:  ", b"(1):", b"(65535):",
    b"(65536):", b"()",
    b"(", b")", b"[local]", b"[unknown]", b"[unknown]@[unknown]", b"LOG:  ", b"FATAL:  ", b"DETAIL:  ", b"DEBUG1:  ", b"\t",
    b"\r", b"\0", b"\xff", b" ",
    b".123", b"UTC:", b"2026-02-29 23:59:60 UTC:", b"2024-02-29 23:59:59 UTC:", b"2026-11-22 14:12:02 UTC:8.8.4.4(1):",
    b"10.0.3.4(77)", b"::1(5):",
    b"fe80::1%eth0(5):", b":2:28000:2026-11-22 14:16:54 UTC:3/424:0:6b02f956.32b5:", b"connection received: host=8.8.4.4 port=1",
)


class Format:
    def __init__(self, lines, tokens, separators):
        self.lines, self.tokens, self.separators = lines, tokens, separators


FORMATS = {
    "mysql": lambda: Format(mysql_lines(), MYSQL_TOKENS, b","),
    "postgresql": lambda: Format(POSTGRESQL, POSTGRESQL_TOKENS, b":()[]@ "),
    "sqlserver": lambda: Format(SQLSERVER, SQLSERVER_TOKENS, b"[]' ."),
    "oracle": lambda: Format(ORACLE, ORACLE_TOKENS, b"*()= "),
}


class Generator:
    """Makes lines of true ones.  The same seed makes the same lines."""

    def __init__(self, form, seed):
        self.form = form
        self.draw = random.Random(seed)
        self.changes = (
            self.flip, self.insert_token, self.insert_token, self.insert_token, self.replace_token, self.delete, self.repeat, self.cut_front,
            self.cut_end, self.splice, self.splice, self.move_piece, self.drop_piece, self.take_piece, self.digits, self.run,
        )

    def line(self):
        line = self.draw.choice(self.form.lines)
        for _ in range(self.draw.choice((0, 1, 1, 1, 2, 2, 3, 4, 8))):
            line = self.draw.choice(self.changes)(line)
        return line.replace(b"\n", b"")

    def place(self, line):
        """Anywhere; more often beside what separates."""
        beside = [i for i, byte in enumerate(line) if byte in self.form.separators]
        if beside and self.draw.random() < 0.6:
            return self.draw.choice(beside) + self.draw.randrange(2)
        return self.draw.randrange(len(line) + 1)

    def span(self, line, most):
        begin = self.place(line)
        return begin, min(len(line), begin + self.draw.randrange(1, most))

    def flip(self, line):
        if not line:
            return line
        at = self.draw.randrange(len(line))
        return line[:at] + bytes([self.draw.choice((line[at] ^ (1 << self.draw.randrange(8)), self.draw.randrange(256)))]) + line[at + 1:]

    def insert_token(self, line):
        at = self.place(line)
        return line[:at] + self.draw.choice(self.form.tokens) + line[at:]

    def replace_token(self, line):
        begin, end = self.span(line, 12)
        return line[:begin] + self.draw.choice(self.form.tokens) + line[end:]

    def delete(self, line):
        begin, end = self.span(line, self.draw.choice((2, 4, 40)))
        return line[:begin] + line[end:]

    def repeat(self, line):
        begin, end = self.span(line, 30)
        times = self.draw.choice((2, 2, 3, 12, 80))
        return line[:begin] + line[begin:end] * times + line[end:]

    def cut_front(self, line):
        return line[self.place(line):]

    def cut_end(self, line):
        return line[:self.place(line)]

    def splice(self, line):
        other = self.draw.choice(self.form.lines)
        return line[:self.place(line)] + other[self.place(other):]

    def pieces(self, line):
        separator = bytes([self.draw.choice(self.form.separators)])
        return separator, line.split(separator)

    def move_piece(self, line):
        separator, pieces = self.pieces(line)
        pieces.insert(self.draw.randrange(len(pieces)), pieces.pop(self.draw.randrange(len(pieces))))
        return separator.join(pieces)

    def drop_piece(self, line):
        separator, pieces = self.pieces(line)
        pieces.pop(self.draw.randrange(len(pieces)))
        return separator.join(pieces)

    def take_piece(self, line):
        separator, pieces = self.pieces(line)
        pieces[self.draw.randrange(len(pieces))] = self.draw.choice(self.draw.choice(self.form.lines).split(separator))
        return separator.join(pieces)

    def digits(self, line):
        at = self.place(line)
        return line[:at] + str(self.draw.choice((0, 1, 9, 10, 255, 65535, 65536, self.draw.getrandbits(70)))).encode() + line[at:]

    def run(self, line):
        """Long names, about as long as the limits."""
        at = self.place(line)
        length = self.draw.choice((62, 63, 64, 127, 128, 200, 255, 256, 370, 384, 1000)) + self.draw.randrange(-3, 4)
        return line[:at] + self.draw.choice((b"x", b"\xe2", b",", b"'", b" ", b"x,y")) * length + line[at:]

# SPDX-License-Identifier: Apache-2.0
"""A client of MariaDB that sends names as they are, whatever bytes they hold.

Only what the attacks need: one user with a password (or none), statements without
results. The protocol is documented in MariaDB's "Client/Server Protocol" pages.
"""

import hashlib
import socket
import struct

PORT = 3306
TIMEOUT = 30  # seconds
LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41 = 1 << 0, 1 << 3, 1 << 9
SECURE_CONNECTION, PLUGIN_AUTH = 1 << 15, 1 << 19
UTF8MB4 = 45
QUIT, QUERY = b"\x01", b"\x03"
PLUGIN = b"mysql_native_password"


class Refused(Exception):
    """The server's answer was an error; args are its number and its text."""


class Connection:
    """A session from the address `source`. `id` is what the server calls it, known as soon as it greets."""

    def __init__(self, source, server):
        self.socket = socket.create_connection((server, PORT), timeout=TIMEOUT, source_address=(source, 0))
        self.sequence = 0
        self.id, self.salt = _greeting(self._receive())

    def log_in(self, user, password=b"", database=b""):
        flags = LONG_PASSWORD | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH
        answer = _scramble(password, self.salt)
        body = user + b"\0" + bytes([len(answer)]) + answer
        if database:
            flags |= CONNECT_WITH_DB
            body += database + b"\0"
        self._send(struct.pack("<IIB23x", flags, 1 << 24, UTF8MB4) + body + PLUGIN + b"\0")
        reply = self._receive()
        if reply[0] == 0xFE:
            plugin, salt = reply[1:].split(b"\0", 1)
            if plugin != PLUGIN:
                raise Refused(0, f"the server asks for {plugin!r}")
            self._send(_scramble(password, salt[:20]))
            reply = self._receive()
        _check(reply)

    def execute(self, statement):
        self.sequence = 0
        self._send(QUERY + statement.encode())
        _check(self._receive())

    def close(self):
        """Ends the session as clients do, and waits until the server has done so too."""
        try:
            self.sequence = 0
            self._send(QUIT)
            while self.socket.recv(4096):
                pass
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _send(self, payload):
        self.socket.sendall(struct.pack("<I", len(payload))[:3] + bytes([self.sequence]) + payload)
        self.sequence = (self.sequence + 1) % 256

    def _receive(self):
        header = self._exactly(4)
        self.sequence = (header[3] + 1) % 256
        return self._exactly(int.from_bytes(header[:3], "little"))

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the server went away")
            data += piece
        return data


def _greeting(packet):
    if packet[0] != 10:
        _check(packet)
        raise ConnectionError(f"not a greeting: {packet[:40]!r}")
    rest = packet[packet.index(b"\0", 1) + 1 :]
    # Connection id, 8 of salt, a zero, flags, character set, status, flags, length of salt, 10 reserved, 12 of salt.
    return int.from_bytes(rest[:4], "little"), rest[4:12] + rest[31:43]


def _scramble(password, salt):
    if not password:
        return b""
    once = hashlib.sha1(password).digest()
    mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
    return bytes(a ^ b for a, b in zip(once, mask))


def _check(packet):
    if packet[0] == 0xFF:
        raise Refused(int.from_bytes(packet[1:3], "little"), packet[9:].decode(errors="replace"))
    if packet[0] != 0:
        raise ConnectionError(f"neither OK nor an error: {packet[:40]!r}")

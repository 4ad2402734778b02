# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on a loopback port: reads whole requests, writes whole answers.

One thread for a connection, connections kept open. What a request means is
not decided here: the server is given a function from a Call to an Answer and
the fault that may spoil the sending of it.
"""

import socket
import struct
import sys
import threading
import traceback
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

MAX_BODY = 8 << 20


@dataclass
class Call:
    """One request, and what has become of it. The first group is as received, the
    second is filled in by the loopback; tests read these as aws.requests."""

    method: str
    target: str
    headers: HTTPMessage
    body: bytes
    connection: int

    request_id: str = ""
    time_ms: int = 0
    server_ms: int = 0
    service: str | None = None
    action: str | None = None
    parameters: dict | None = None
    malformed: str | None = None
    caller: object | None = None
    region: str | None = None
    fault: str | None = None
    status: int | None = None
    error: str | None = None

    @property
    def path(self):
        return urlsplit(self.target).path


@dataclass
class Answer:
    """One response. Its length is added when it is sent."""

    status: int
    content_type: str
    body: bytes
    headers: dict = field(default_factory=dict)

    def head(self, framing=None):
        """Status line and headers; framing replaces the Content-Length line."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Type: {self.content_type}"]
        lines += [framing or f"Content-Length: {len(self.body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    def encode(self):
        return self.head() + self.body


class Wire:
    """The way back to one client, for faults to misuse."""

    def __init__(self, connected):
        self._socket = connected

    def write(self, data):
        self._socket.sendall(data)

    def reset_on_close(self):
        """Make the close that follows a TCP reset, not an orderly end."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class HttpServer:
    """Listens on 127.0.0.1 at a port of the system's choice from construction on."""

    def __init__(self, handle):
        self.handle = handle
        self.defects = []
        self._lock = threading.Lock()
        self._open = {}
        self._connections = 0
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def close(self):
        """Stop listening, end every connection and wait for its thread."""
        with self._lock:
            self._closing = True
            open_now = list(self._open.items())
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for connected, _ in open_now:
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # The client was faster.
        for _, thread in open_now:
            thread.join()

    def drain(self):
        """Wait until all is handled that clients asked who are gone by now."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while last.recv(4096):
                pass  # Whoever connected before this one has been accepted before it.
        with self._lock:
            open_now = list(self._open.values())
        for thread in open_now:
            thread.join()

    def _accept(self):
        while True:
            try:
                connected, address = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closing:
                    connected.close()
                    return
                self._connections += 1
                thread = threading.Thread(
                    target=self._converse, args=(connected, address, self._connections), daemon=True
                )
                self._open[connected] = thread
                thread.start()

    def _converse(self, connected, address, number):
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Conversation(connected, address, self, number)
        except OSError:
            pass  # The client has left, which is its right.
        finally:
            with self._lock:
                del self._open[connected]
            connected.close()

    def note_defect(self):
        """Keep the exception being handled: a mistake in the loopback itself."""
        text = traceback.format_exc()
        self.defects.append(text)
        print(text, file=sys.stderr)


class _Conversation(BaseHTTPRequestHandler):
    """Reads the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"

    def __init__(self, connected, address, server, number):
        self._number = number
        super().__init__(connected, address, server)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """The log of requests is the loopback's; nothing is printed."""

    def _serve(self):
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.send_error(411)
            return
        if int(length) > MAX_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return
        call = Call(self.command, self.path, self.headers, body, self._number)
        try:
            answer, fault = self.server.handle(call)
        except Exception:  # pylint: disable=broad-except
            self.server.note_defect()
            self.send_error(500, "the loopback AWS has a defect")
            return
        if not fault.send(Wire(self.connection), answer):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _serve

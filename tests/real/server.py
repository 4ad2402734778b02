# SPDX-License-Identifier: Apache-2.0
"""A private MariaDB with server_audit, in a network namespace of its own.

The caller's namespace gets the clients' end of the only cable there is: addresses of
inside and outside hosts, and nothing behind them.
"""

import subprocess
import time

import client

ADDRESS = "10.20.0.1"
CLIENTS = ("10.20.3.4/16", "10.0.5.6/16")  # inside; those of attackers are added one by one
OUTSIDE = "203.0.113.{}/24"
ADMIN = (b"admin", b"a password of the test")
TIMEOUT = 60  # seconds: a bound for each of installation, start and stop, which take two or three
# Runs before mariadbd, which then takes its place: it waits for its end of the cable.
BEGIN = """
echo && read -r _ && ip link set lo up && ip link set db up && ip address add 10.20.0.1/16 dev db &&
    ip address add 10.0.0.1/16 dev db && ip address add 203.0.113.1/24 dev db && exec "$@"
"""


class Failed(Exception):
    """The server cannot be had; the text says why."""


def _run(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}")


class Server:
    """Between `with` and its end the server runs; after it the log is complete."""

    def __init__(self, folder, plugins):
        self.log = folder / "audit.log"
        self.errors = folder / "error.log"
        self.folder = folder
        self.plugins = plugins
        self.process = None

    def __enter__(self):
        self._install()
        try:
            self._start()
            self._wait()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def _install(self):
        _run("mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db",
             "--auth-root-authentication-method=normal", "--user=root")
        user, password = (word.decode() for word in ADMIN)
        # Without an account that may come from anywhere, other clients would be refused before they name one.
        (self.folder / "init.sql").write_text(
            f"CREATE USER app@'%' IDENTIFIED BY '{password}';\n"
            f"CREATE USER {user}@'10.%' IDENTIFIED BY '{password}';\n"
            f"GRANT ALL ON *.* TO {user}@'10.%' WITH GRANT OPTION;\n",
            encoding="ascii")

    def _start(self):
        options = [
            "--no-defaults", "--user=root", f"--datadir={self.folder}/data", "--socket=server.sock",
            f"--pid-file={self.folder}/server.pid", f"--log-error={self.errors}", f"--init-file={self.folder}/init.sql",
            f"--plugin-dir={self.plugins}", "--plugin-load-add=server_audit", "--server-audit-logging=ON",
            "--server-audit-events=CONNECT,QUERY", f"--server-audit-file-path={self.log}", "--skip-name-resolve",
            "--innodb-flush-method=fsync", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M",
        ]
        self.process = subprocess.Popen(["unshare", "--net", "sh", "-c", BEGIN, "sh", "mariadbd", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self.process.stdout.readline() != b"\n":
            raise Failed("no network namespace for the server")
        _run("ip", "link", "add", "clients", "type", "veth", "peer", "name", "db", "netns", str(self.process.pid))
        _run("ip", "link", "set", "clients", "up")
        for address in CLIENTS:
            _run("ip", "address", "add", address, "dev", "clients")
        self.process.stdin.write(b"\n")
        self.process.stdin.close()

    def _wait(self):
        """Until an account of the last start-up step can log in."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                with self.admin() as connection:
                    connection.execute("DO 1")
                return
            except (OSError, client.Refused) as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = self.errors.read_text(errors="replace") if self.errors.exists() else ""
                    raise Failed(f"MariaDB does not start ({error}); it said:\n{said}") from error
                time.sleep(0.1)

    def connect(self, source):
        return client.Connection(source, ADDRESS)

    def outsider(self, number):
        """An address outside of every network of the test, ready to connect from."""
        address = OUTSIDE.format(number)
        _run("ip", "address", "add", address, "dev", "clients")
        return address.split("/")[0]

    def admin(self):
        connection = self.connect("10.0.5.6")
        try:
            connection.log_in(*ADMIN)
        except BaseException:
            connection.close()
            raise
        return connection

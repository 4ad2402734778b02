# SPDX-License-Identifier: Apache-2.0
"""Running the built binary, and the captured logs it is shown."""

import gzip
import json
import os
import re
import signal
import subprocess
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("TAILGATE_TEST_DATA", TESTS / "data"))
GROUP = "/aws/rds/instance/orders/audit"
NETWORKS = ("172.31.0.0/16", "10.0.0.0/16", "2001:db8:5::/48")
TIMEOUT = 60  # seconds: a bound for what should take one, on a slow machine under valgrind


def row(host, connection_id, operation="CONNECT", user="app", database="prod", code=0, server="ip-172-31-0-10",
        time="20261122 14:08:14"):
    """One audit row as MariaDB writes it, without its LF."""
    return f"{time},{server},{user},{host},{connection_id},0,{operation},{database},,{code}"


def captured_rows():
    """The captured MariaDB audit log, line by line, as bytes without LF."""
    with gzip.open(DATA / "mariadb-audit.log.gz") as file:
        return file.read().split(b"\n")[:-1]


def captured_truth():
    """Every connection attempt that was made while it was captured."""
    with gzip.open(DATA / "mariadb-audit-truth.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


class Tailgate:
    """The binary under test with one state file and one topic."""

    def __init__(self, aws, folder, topic="alerts"):
        self.program = os.environ["TAILGATE"]
        self.wrapper = os.environ.get("TAILGATE_WRAPPER", "").split()
        self.aws = aws
        self.folder = folder
        self.state = folder / "state.db"
        self.topic = aws.sns.create(topic)
        self.running = []
        # Nothing of the machine's own configuration may leak in.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TAILGATE_STATE": str(self.state),
                            "AWS_EC2_METADATA_DISABLED": "true", **aws.environment()}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def networks(self):
        return [word for network in NETWORKS for word in ("--network", network)]

    def command(self, *words):
        return [*self.wrapper, self.program, *map(str, words)]

    def call(self, *words, status=0, environment=None, stdin=None):
        """Run a command to its end; returns what it did after checking its exit status."""
        done = subprocess.run(self.command(*words), env=environment or self.environment, stdin=stdin or subprocess.DEVNULL,
                              capture_output=True, timeout=TIMEOUT, check=False)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert status is None or done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *words, environment=None):
        """Start `run` (or another command); standard output and error go to files beside the state."""
        number = len(self.running)
        out = open(self.folder / f"out.{number}", "wb")
        log = open(self.folder / f"log.{number}", "wb")
        process = subprocess.Popen(self.command(*words), env=environment or self.environment, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=log)
        process.out, process.log = Path(out.name), Path(log.name)
        out.close()
        log.close()
        self.running.append(process)
        return process

    def watch(self, *words, topic=True, since="1d"):
        """Start `run` on the test's log group with the usual networks."""
        options = ["--log-group", GROUP, *self.networks(), "--since", since, "--requests-per-second", "50"]
        if topic:
            options += ["--topic-arn", self.topic]
        return self.start("run", *options, *words)

    def stop(self, process, how=signal.SIGTERM):
        """Ask a process to stop and wait for its exit status."""
        if process.poll() is None:
            process.send_signal(how)
        return process.wait(TIMEOUT)

    def stop_all(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()

    def skip(self, ms):
        """Time in which nothing of this runs."""
        assert all(process.poll() is not None for process in self.running)
        self.aws.clock.skip(ms)
        self.environment |= self.aws.clock.environment()

    def findings(self, *words):
        return json_lines(self.call("findings", "--output", "json", *words).stdout)


def wait_minutes(aws, minutes):
    """Until so much time has passed on the clock that the loopback and the agent share, also while nobody asks."""
    end = aws.clock.now_ms() + minutes * 60_000
    aws.wait_for(lambda: aws.clock.now_ms() >= end, aws.clock.real_seconds_until(end) + 0.01)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def outside_ids(truth):
    """Connection ids of the attempts from outside; bare scans have none."""
    return {t["conn_id"] for t in truth if t["outside_vpc"] and t["conn_id"] is not None}


def fed_outside_ids(rows):
    """Of the captured attempts from outside, those whose row is among these (rows of SQL imitate others)."""
    text = b"\n".join(row for row in rows if b"SELECT" not in row)
    written = {int(i) for i in re.findall(rb",(\d+),0,(?:CONNECT|FAILED_CONNECT),", text)}
    return outside_ids(captured_truth()) & written

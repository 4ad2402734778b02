#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The loopback AWS as a program: feeds a file's lines as live log events.

For trying tailgate (or any other client) without an account; see --help. It
stops on SIGTERM or SIGINT.
"""

import argparse
import dataclasses
import gzip
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

# Run as a program, this file's own folder would come first on the path, and its
# modules would stand in front of the standard library's.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from aws import Loopback  # pylint: disable=wrong-import-position

STOPPING = {signal.SIGTERM, signal.SIGINT}
STREAM = "loopback"


def main():
    options = _options()
    # Blocked before any thread exists, so that only the sigwait below gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    with Loopback() as aws, open(options.messages or os.devnull, "a", encoding="ascii") as messages:
        aws.sns.on_accept = lambda message: _write_message(messages, message)
        try:
            aws.logs.create(options.group)
        except ValueError as error:
            _say(error)
            return 2
        topic = aws.sns.create(options.topic)
        environment = aws.environment() | {
            "AWS_DEFAULT_REGION": aws.region,
            "TAILGATE_LOG_GROUP": options.group,
            "TAILGATE_TOPIC_ARN": topic,
        }
        _write_environment(options.port_file, environment)
        _say(f"serving log group {options.group} and topic {topic} at {aws.url}")
        stop = threading.Event()
        feeder = threading.Thread(target=_feed, args=(aws, options, stop))
        feeder.start()
        signal.sigwait(STOPPING)
        stop.set()
        feeder.join()
    return 1 if aws.defects else 0


def _options():
    parser = argparse.ArgumentParser(description="A loopback AWS that feeds a log.")
    parser.add_argument(
        "--port-file",
        required=True,
        metavar="FILE",
        help="where to write the environment, as shell exports",
    )
    parser.add_argument(
        "--feed", required=True, metavar="FILE", help="the lines to feed, plain or .gz"
    )
    parser.add_argument("--group", default="/aws/rds/instance/loopback/audit", help="log group")
    parser.add_argument(
        "--rate", type=float, default=1.0, metavar="N", help="lines a second, 0 for all at once"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="feed no more than N lines")
    parser.add_argument(
        "--topic", default="loopback", metavar="NAME", help="topic to accept messages for"
    )
    parser.add_argument(
        "--messages", metavar="FILE", help="append accepted messages here, as JSON lines"
    )
    options = parser.parse_args()
    if options.rate < 0 or (options.limit is not None and options.limit < 0):
        parser.error("--rate and --limit are not negative")
    if not os.access(options.feed, os.R_OK):
        parser.error(f"cannot read {options.feed}")
    return options


def _feed(aws, options, stop):
    """Put each line as an event of its own, stamped with the present. What CloudWatch
    would not take as an event, such as an empty line, is left out and counted."""
    started = time.monotonic()
    fed = left_out = 0
    opened = gzip.open if options.feed.endswith(".gz") else open
    with opened(options.feed, "rb") as lines:
        for number, line in enumerate(lines):
            if number == options.limit:
                break
            due = started + number / options.rate if options.rate else 0
            if stop.wait(max(0, due - time.monotonic())):
                break
            row = (aws.clock.now_ms(), line.removesuffix(b"\n"))
            try:
                aws.logs.put(options.group, STREAM, [row])
                fed += 1
            except ValueError:
                left_out += 1
    remark = f", left out {left_out} that are empty or too long" if left_out else ""
    _say(f"fed {fed} lines of {options.feed}{remark}")


def _write_environment(path, environment):
    """Written beside and renamed, so that whoever sees the file sees all of it."""
    unfinished = Path(f"{path}.{os.getpid()}")
    quoted = {name: value.replace("'", "'\\''") for name, value in environment.items()}
    lines = [f"export {name}='{value}'\n" for name, value in quoted.items()]
    unfinished.write_text("".join(lines), encoding="utf-8")
    unfinished.rename(path)


def _write_message(file, message):
    file.write(json.dumps(dataclasses.asdict(message), default=bytes.hex) + "\n")
    file.flush()


def _say(text):
    print(f"loopback AWS: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

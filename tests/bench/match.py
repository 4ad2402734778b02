#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of `match` beside that of other programs, for each shape of pattern.

    TAILGATE=build/check/tailgate python3 tests/bench/match.py [--mib N] [--runs N]

Every pattern is run on a generated file that is in the page cache, by tailgate and by what people would use instead, all pinned to
one core, one after the other in each round.  What both print must be the same.  Prints medians of wall time and how much faster
tailgate is, and its peak of memory above that of `tailgate --version`.  Rivals that are not installed are left out.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import audit_log  # noqa: E402
from backfill_file import measure  # noqa: E402

MIB = 1 << 20
C = {"LC_ALL": "C"}


def write_flows(path, size):
    """VPC flow logs, version 2."""
    draw = random.Random(1)
    lines = [f"2 123456789012 eni-0a{draw.randrange(1 << 28):07x} 172.31.{draw.randrange(256)}.{draw.randrange(256)} "
             f"{draw.randrange(256)}.7.9.{draw.randrange(256)} {draw.choice((22, 443, 3306, draw.randrange(1024, 65536)))} "
             f"{draw.choice((22, 443, 3306))} 6 {draw.randrange(1, 99)} {draw.randrange(40, 99999)} 1795305600 1795305660 "
             f"{draw.choice(('ACCEPT', 'ACCEPT', 'ACCEPT', 'REJECT'))} OK\n" for _ in range(20_000)]
    repeat(path, "".join(lines).encode(), size)


def write_trail(path, size):
    """Events as CloudTrail's, of about a kilobyte."""
    draw = random.Random(2)
    names = ("ConsoleLogin", "DescribeInstances", "PutObject", "AssumeRole", "GetObject", "ListBuckets", "DeleteTrail", "CreateUser")
    events = []
    for _ in range(5000):
        name = draw.choice(names)
        events.append(json.dumps({
            "eventVersion": "1.08", "userIdentity": {"type": draw.choice(("Root", "IAMUser", "AssumedRole")), "principalId": "AIDA" + "X" * 17,
            "arn": "arn:aws:iam::123456789012:user/somebody", "accountId": "123456789012", "sessionContext": {"attributes": {
                "mfaAuthenticated": draw.choice(("true", "false")), "creationDate": "2026-11-22T14:08:14Z"}}},
            "eventTime": "2026-11-22T14:08:14Z", "eventSource": "signin.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
            "sourceIPAddress": f"203.0.113.{draw.randrange(256)}", "userAgent": "aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0 exe/x86_64",
            "requestParameters": {"items": [{"id": n, "tag": "t" * draw.randrange(20)} for n in range(draw.randrange(8))]},
            "responseElements": {name: draw.choice(("Success", "Failure"))}, "errorCode": draw.choice((None, None, "AccessDenied")),
            "requestID": f"{draw.randrange(1 << 60):x}", "readOnly": draw.choice((True, False))}, separators=(",", ":")) + "\n")
    repeat(path, "".join(events).encode(), size)


def repeat(path, block, size):
    with open(path, "wb") as file:
        for _ in range(max(1, size // len(block))):
            file.write(block)


def write_audit(path, size):
    audit_log.write(path, size, 1)


# Name, maker of the file, pattern, and rivals: name and pipeline; the first command gets the file.
CASES = (
    ("terms", write_audit, "CONNECT -localhost -172.31", (
        ("rg -j1 pipe", (("rg", "-j1", "-F", "CONNECT"), ("rg", "-v", "-F", "-e", "localhost", "-e", "172.31"))),
        ("grep pipe", (("grep", "-F", "CONNECT"), ("grep", "-v", "-F", "-e", "localhost", "-e", "172.31"))))),
    ("regular expression", write_audit, "%FAILED_CONNECT,[^,]*,,1045%", (
        ("rg -j1", (("rg", "-j1", "FAILED_CONNECT,[^,]*,,1045"),)), ("grep", (("grep", "FAILED_CONNECT,[^,]*,,1045"),)))),
    ("space-delimited", write_flows, "[version, account, eni, source, destination, srcport, destport=22, protocol, packets, "
     "bytes > 50000, start, end, action=REJECT, status]", (
         ("mawk", (("mawk", '$7 == 22 && $10 > 50000 && $13 == "REJECT"'),)),)),
    ("JSON", write_trail, '{ $.eventName = "ConsoleLogin" && $.userIdentity.type = "Root" && '
     '$.userIdentity.sessionContext.attributes.mfaAuthenticated != "true" }', (
         ("jq", (("jq", "-c", 'select(.eventName == "ConsoleLogin" and .userIdentity.type == "Root" and '
                  '.userIdentity.sessionContext.attributes.mfaAuthenticated != "true")'),)),)),
)


def output_of(commands):
    """The digest of what a pipeline prints."""
    previous = None
    for command, environment in commands:
        process = subprocess.Popen(command, stdin=previous, stdout=subprocess.PIPE, env={**os.environ, **environment})
        previous = process.stdout
    digest = hashlib.sha256()
    for block in iter(lambda: previous.read(MIB), b""):
        digest.update(block)
    return digest.hexdigest()


def compare(case, path, runs, base):
    name, _, pattern, rivals = case
    own = [((os.environ["TAILGATE"], "match", "--", pattern, str(path)), {})]
    others = [(rival, [((*command, *((str(path),) if number == 0 else ())), C) for number, command in enumerate(pipeline)])
              for rival, pipeline in rivals if shutil.which(pipeline[0][0])]
    for rival, commands in others:
        if output_of(commands) != output_of(own):
            raise SystemExit(f"{name}: tailgate and {rival} do not print the same")
    times = {rival: [] for rival, _ in [("tailgate", None), *others]}
    peaks = []
    for _ in range(runs):
        wall, _, peak = measure(own)
        times["tailgate"].append(wall)
        peaks.append(peak)
        for rival, commands in others:
            times[rival].append(measure(commands)[0])
    mine = statistics.median(times.pop("tailgate"))
    print(f"{name}: tailgate {mine:.3f} s ({path.stat().st_size / MIB / mine:.0f} MiB/s, {max(peaks) - base:.1f} MiB above --version)")
    for rival, taken in times.items():
        theirs = statistics.median(taken)
        print(f"    {rival} {theirs:.3f} s: tailgate is {theirs / mine:.2f} times as fast")


def peak_of_version():
    """MiB of `tailgate --version`, which is too short to look at: so it is to write into a pipe that is full."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, bytes(4096))
    except BlockingIOError:
        os.set_blocking(write, True)
    process = subprocess.Popen([os.environ["TAILGATE"], "--version"], stdout=write)
    status = Path(f"/proc/{process.pid}/status")
    while not re.search("^State:\\s*S", status.read_text(), re.M) or os.readlink(f"/proc/{process.pid}/exe") != os.path.realpath(os.environ["TAILGATE"]):
        pass
    peak = int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) / 1024
    os.close(write)
    while process.poll() is None:
        os.read(read, MIB)
    os.close(read)
    return peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    base = peak_of_version()
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for case in CASES:
            if case[1] not in files:
                files[case[1]] = Path(folder) / case[1].__name__
                case[1](files[case[1]], options.mib * MIB)
            compare(case, files[case[1]], options.runs, base)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of tailgate, by the system's own accounting.

    TAILGATE=build/check/tailgate python3 tests/bench/memory.py [--gib N]

Prints the resident memory of an idle `run` with one source beside that of the curl program waiting for an answer (a bare user of the
same library), and the peak of `backfill --file` for 16 MiB and for N GiB of the captured log repeated.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

from aws import Loopback  # noqa: E402
from harness import GROUP, Tailgate, captured_rows  # noqa: E402

MIB = 1 << 20


def resident(pid):
    """VmRSS of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def idle(folder):
    with Loopback(speed=20) as aws:
        aws.logs.create(GROUP)
        program = Tailgate(aws, folder)
        process = program.watch()
        aws.wait_for(lambda: len(aws.calls("logs", "FilterLogEvents")) >= 40, 120)
        tailgate = resident(process.pid)
        program.stop(process)
        entry = aws.faults.add("*", "*", "stall")
        curl = subprocess.Popen(["curl", "-s", "-d", "Action=GetCallerIdentity&Version=2011-06-15", aws.url], stdout=subprocess.DEVNULL)
        aws.wait_for(lambda: entry.used, 10)
        bare = resident(curl.pid)
        curl.kill()
        curl.wait()
    print(f"idle run, one source      {tailgate:6.1f} MiB resident; curl waiting {bare:.1f} MiB; ratio {tailgate / bare:.2f}")


def backfill(folder, size):
    """Peak of one backfill of a file of that size."""
    block = b"\n".join(captured_rows()) + b"\n"
    path = folder / "audit.log"
    with open(path, "wb") as file:
        for _ in range(size // len(block) + 1):
            file.write(block)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        networks = [w for n in ("172.31.0.0/16", "10.0.0.0/16", "2001:db8:5::/48") for w in ("--network", n)]
        os.execv(os.environ["TAILGATE"], ["tailgate", "backfill", "--file", str(path), *networks])
    os.close(read)
    os.close(write)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    seconds = usage.ru_utime + usage.ru_stime
    path.unlink()
    return usage.ru_maxrss / 1024, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=1)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        idle(folder)
        small, _ = backfill(folder, 16 * MIB)
        size = int(options.gib * 1024) * MIB
        large, seconds = backfill(folder, size)
        print(f"backfill --file, 16 MiB   {small:6.1f} MiB at its peak")
        print(f"backfill --file, {options.gib:g} GiB    {large:6.1f} MiB at its peak; ratio {large / small:.2f}; "
              f"{size / MIB / seconds:.0f} MiB a second of CPU time")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of `backfill --file` beside that of grep, on one file and one core.

    TAILGATE=build/check/tailgate python3 tests/bench/backfill_file.py [--mib N] [--runs N] [--profile]

The rival is what people use: `grep -F CONNECT | grep -vF -e localhost -e 172.31`, which judges no address and keeps nothing.  The file
(audit_log.py) is in the page cache; both write to a pipe that `cat` empties into /dev/null, as GNU grep stops at its first match when
it sees /dev/null itself.  All processes run on the same core.  Times are medians; seconds of CPU time leave out that `cat`.  With
--profile, perf says which share of tailgate's time goes where (needs a build with debugging information that is not stripped).
"""

import argparse
import collections
import contextlib
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import audit_log  # noqa: E402

MIB = 1 << 20
CORE = max(os.sched_getaffinity(0))
RIVAL = (("grep", "-F", "CONNECT"), ("grep", "-vF", "-e", "localhost", "-e", "172.31"))
NETWORKS = ("--network", "vpc=172.31.0.0/16", "--network", "vpc=10.0.0.0/16")

# A sample belongs to the first group that has a pattern for one of its frames, written "FILE:FUNCTION" for the program's own
# functions and "LIBRARY:FUNCTION" for others.  `inner`: only the innermost of the program's own frames and what it calls counts.
GROUPS = (
    ("storing", "any", r"storage/|libsqlite3"),
    ("printing", "any", r"agent/(finding_output|json|ocsf)\.c:"),
    ("reading", "inner", r"agent/(lines|backfill_file)\.c:"),
    ("searching", "inner", r"libc.*:.*(memchr|memrchr|memmem|memcmp)|filters/search\.c:|filters/.*:.*(marker|search)"),
    ("parsing, judging", "inner", r"filters/|agent/(detect|watched)\.c:"),
)


def run(commands, out):
    """Runs a pipeline on the one core with its output into `out`; returns wall and CPU seconds and the peak of each process in MiB."""
    begin = time.perf_counter()
    pids, previous = [], None
    for number, (command, environment) in enumerate(commands):
        last = number == len(commands) - 1
        read, write = (None, out) if last else os.pipe()
        pid = os.fork()
        if pid == 0:
            os.sched_setaffinity(0, {CORE})
            if previous is not None:
                os.dup2(previous, 0)
            os.dup2(write, 1)
            if read is not None:
                os.close(read)
            os.execvpe(command[0], command, {**os.environ, **environment})
        for end in (previous, None if last else write):
            if end is not None:
                os.close(end)
        previous = read
        pids.append(pid)
    cpu, peaks = [], []
    for pid, (command, _) in zip(pids, commands):
        peaks.append(peak_until_end(pid))
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise SystemExit(f"{' '.join(map(str, command))}: status {status}")
        cpu.append(usage.ru_utime + usage.ru_stime)
    return time.perf_counter() - begin, cpu, peaks


def peak_until_end(pid):
    """Waits for a process; returns its peak of resident memory in MiB, seen at most 10 ms before its end.  (ru_maxrss would not do:
    it keeps what the process was before it became another program, and that was this interpreter.)"""
    peak = 0.0
    end = os.pidfd_open(pid)
    over = select.poll()
    over.register(end, select.POLLIN)
    while not over.poll(10):
        with contextlib.suppress(OSError):  # it may be over by now
            found = re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
            if found and os.readlink(f"/proc/{pid}/exe") != os.readlink("/proc/self/exe"):
                peak = max(peak, int(found[1]) / 1024)
    os.close(end)
    return peak


def measure(commands):
    with open(os.devnull, "wb") as null:
        wall, cpu, peaks = run([*commands, (("cat",), {})], null.fileno())
    return wall, sum(cpu[:-1]), max(peaks[:-1])


def rival(path):
    first, second = RIVAL
    environment = {"LC_ALL": "C"}
    return [((*first, str(path)), environment), (second, environment)]


@contextlib.contextmanager
def tailgate(path, folder, state=False):
    """The command; `state`: with a state file of its own, which goes with it, and not the temporary store it has otherwise."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        store = ("--state", f"{home}/state.db") if state else ()
        command = (os.environ["TAILGATE"], "backfill", "--file", str(path), *store, *NETWORKS, "--output", "json")
        yield [(command, {"HOME": home, "TAILGATE_LOG_LEVEL": "error"})]


def measure_tailgate(path, folder, state=False):
    with tailgate(path, folder, state) as commands:
        return measure(commands)


def findings(path, folder):
    """How many lines of output one run has."""
    with tailgate(path, folder) as commands, tempfile.TemporaryFile(dir=folder) as out:
        run(commands, out.fileno())
        out.seek(0)
        return sum(1 for _ in out)


def medians(runs):
    return [statistics.median(column) for column in zip(*runs)]


def source_files(program):
    """Of each function of the program, the source file, as in "filters/mysql.c"."""
    files = {}
    text = subprocess.run(["nm", "--line-numbers", program], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        found = re.match(r"[0-9a-f]+ [tTwW] (\S+)\t(.*):\d+$", line)
        if found:
            name, path = found.groups()
            files[name.split(".")[0]] = "/".join(re.sub(r".*/(agent/aws|agent|filters|storage)/", r"\1/", path).split("/")[-3:])
    if not files:
        raise SystemExit(f"{program} has no debugging information; build it with -g, and do not strip it")
    return files


def frames_of(sample, program, files):
    """Frames of one sample of `perf script`, innermost first; and how many of them go to the program's innermost function."""
    frames, inner = [], None
    for line in sample.splitlines()[1:]:
        found = re.match(r"\s*[0-9a-f]+ (.*?)(?:\+0x[0-9a-f]+)? \((.*)\)$", line)
        if not found:
            continue
        name, library = found.groups()
        own = os.path.basename(library) == os.path.basename(program)
        frames.append(f"{files.get(name.split('.')[0], '?') if own else os.path.basename(library)}:{name}")
        if own and inner is None and not name.endswith("@plt"):
            inner = len(frames)
    return frames, inner


def profile(path, folder):
    program = os.environ["TAILGATE"]
    files = source_files(program)
    data = folder / "perf.data"
    with tailgate(path, folder) as commands, open(os.devnull, "wb") as null:
        record = ("perf", "record", "-q", "-F", "999", "--call-graph", "dwarf,4096", "-o", str(data), "--")
        try:
            run([((*record, *commands[0][0]), commands[0][1])], null.fileno())
        except SystemExit as error:
            print(f"no profile: {error}")
            return
    script = subprocess.run(["perf", "script", "-i", str(data), "-F", "comm,ip,sym,symoff,dso"], capture_output=True, text=True,
                            errors="replace", check=True).stdout
    groups, places, count = collections.Counter(), collections.Counter(), 0
    for sample in script.split("\n\n"):
        frames, inner = frames_of(sample, program, files)
        if not frames:
            continue
        count += 1
        innermost = frames[:inner]
        group = next((name for name, which, pattern in GROUPS
                      if any(re.search(pattern, frame) for frame in (frames if which == "any" else innermost))), "other")
        groups[group] += 1
        places[group, innermost[-1] if inner else frames[0]] += 1
    print(f"profile of {path.stat().st_size / MIB:.0f} MiB, {count} samples:")
    for group, samples in groups.most_common():
        print(f"  {group:18}{100 * samples / count:5.1f} %")
        for (_, place), n in collections.Counter({k: v for k, v in places.items() if k[0] == group}).most_common(4):
            if n >= count / 200:
                print(f"    {100 * n / count:14.1f} %  {place}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "audit.log"
        holds = audit_log.write(path, options.mib * MIB, options.seed)
        small = folder / "small.log"
        audit_log.write(small, options.mib * MIB // 16, options.seed)
        for file in (path, small):  # neither writing back nor reading from the disk may go on while it is measured
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())
                while opened.read(MIB):
                    pass
        mib = holds["bytes"] / MIB
        print(f"log                 {mib:.0f} MiB, {holds['rows']} rows of {holds['bytes'] / holds['rows']:.0f} bytes, "
              f"{100 * holds['rows_with_word'] / holds['rows']:.1f} % with CONNECT, {100 * holds['outside_rows'] / holds['rows']:.2f} % outside; "
              f"core {CORE}, output to a pipe")
        grep, own, kept = [], [], []
        for _ in range(options.runs):  # in turn, so that all see the same moods of the machine
            grep.append(measure(rival(path)))
            own.append(measure_tailgate(path, folder))
            kept.append(measure_tailgate(path, folder, state=True))
        for title, runs in (("grep | grep -v", grep), ("backfill --file", own), ("the same, --state", kept)):
            wall, cpu, peak = medians(runs)
            print(f"{title:20}{wall:6.2f} s wall, {cpu:5.2f} s CPU, {mib / wall:5.0f} MiB/s, peak {peak:.1f} MiB")
        (grep_wall, grep_cpu, _), (wall, cpu, peak) = medians(grep), medians(own)
        print(f"speed beside grep   {grep_wall / wall:6.2f} by wall time, {grep_cpu / cpu:.2f} by CPU time (more is faster)")
        small_peak = measure_tailgate(small, folder)[2]
        print(f"peak of memory      {small_peak:6.1f} MiB for {options.mib / 16:.0f} MiB, {peak:.1f} for {mib:.0f}: ratio {peak / small_peak:.2f}")
        print(f"findings            {findings(path, folder)}; attempts from outside: {holds['outside_attempts']}")
        if options.profile:
            profile(path, folder)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""One short life of `run` on a store and a topic, in which one system call fails, and what must be true afterwards."""

import errno
import json
import os
import re
import signal
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aws import Loopback
from harness import GROUP, Tailgate, row

LIBRARY = os.environ["FAIL_CALLS_LIBRARY"]
SPEED = 40
PATIENCE = 60  # seconds for one life: a bound for what should take one
LINGER = 3  # polls after everything was told
QUIET = 10  # seconds in which what waits besides is told
# How many calls of one kind fail in the usual run, spread evenly over all of them; 0 is all of them.
SAMPLE = int(os.environ.get("TAILGATE_FAULTS_SAMPLE", "8"))
JOBS = int(os.environ.get("TAILGATE_FAULTS_JOBS", "3"))

# What a call of each kind may fail with: what disks, quotas, limits, and networks do.
NUMBERS = {
    "open": (errno.EIO, errno.EMFILE, errno.EACCES, errno.ENOSPC),
    "read": (errno.EIO, errno.EINTR),
    "write": (errno.ENOSPC, errno.EIO, errno.EINTR, errno.EDQUOT),
    "sync": (errno.EIO, errno.ENOSPC),
    "truncate": (errno.EIO, errno.ENOSPC),
    "map": (errno.ENOMEM, errno.EIO),
    "lock": (errno.ENOLCK, errno.EIO, errno.EAGAIN),
    "unlock": (errno.ENOLCK,),
    "unlink": (errno.EIO, errno.EACCES),
    "rename": (errno.EIO, errno.ENOSPC),
    "link": (errno.EIO, errno.EPERM),
    "mkdir": (errno.EIO, errno.ENOSPC),
    "stat": (errno.EIO, errno.EACCES),
    "mode": (errno.EIO, errno.EPERM),
    "socket": (errno.EMFILE, errno.ENOMEM),
    "connect": (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EIO),
    "send": (errno.ECONNRESET, errno.EINTR, errno.EPIPE),
    "recv": (errno.ECONNRESET, errno.EINTR, errno.EIO),
    "poll": (errno.EINTR, errno.ENOMEM),
}
OF_FILES = [kind for kind in NUMBERS if kind not in ("socket", "connect", "send", "recv", "poll")]


class Life:
    """A store, an AWS and the program; `run` may be started in it again and again."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tailgate-faults-")
        self.aws = Loopback(speed=SPEED)
        self.aws.logs.create(GROUP)
        self.aws.logs.page_events = 4
        path = Path(self.folder.name).resolve()
        (path / "state").mkdir()
        self.tailgate = Tailgate(self.aws, path)
        self.tailgate.state = path / "state" / "state.db"
        self.tailgate.environment["TAILGATE_STATE"] = str(self.tailgate.state)
        self.report = path / "report"
        self.rows = 0
        self.damaged = False
        self.alerts = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tailgate.stop_all()
        self.aws.close()
        self.folder.cleanup()

    def feed(self):
        """Two clients of whom one alert each tells, one of whom 11 rows make an alert and a digest, and one inside."""
        now = self.aws.clock.now_ms()
        rows = [row(f"203.0.113.{self.rows + i}", self.rows + i) for i in range(2)]
        rows += [row(f"198.51.100.{self.rows + 1}", self.rows + i, "FAILED_CONNECT", code=1045) for i in range(2, 13)]
        rows.insert(3, row("172.31.0.9", 1000))
        self.aws.logs.put(GROUP, "orders", [(now - 60_000 + i, text) for i, text in enumerate(rows)])
        self.rows += 13
        self.alerts += 4

    def told(self):
        return Counter(m.attributes["alert_id"] for m in self.aws.sns.messages)

    def _waits(self):
        """Whether an alert waits: on a slow machine there may be a digest more."""
        done = self.tailgate.call("status", "--output", "json", status=None)
        return done.stdout.startswith("{") and bool(json.loads(done.stdout)["alerts"]["waiting"])

    def _done(self):
        """Everything was told some polls ago."""
        if len(self.told()) < self.alerts:
            self.polls = None
            return False
        count = len(self.aws.calls("logs", "FilterLogEvents"))
        if self.polls is None:
            self.polls = count
            self.quiet_by = time.monotonic() + QUIET
        return count >= self.polls + LINGER and (time.monotonic() > self.quiet_by or not self._waits())

    def run(self, fail=None, until=None, until_hits=0):
        """Let `run` live until it has told everything, or ends by itself; returns its exit status and its log.

        After so many hits the file `until` is made, which ends the failures."""
        environment = dict(self.tailgate.environment)
        if fail is not None:
            environment |= {"LD_PRELOAD": LIBRARY, "FAIL_CALLS": fail, "FAIL_CALLS_REPORT": str(self.report),
                            "FAIL_CALLS_UNDER": str(self.tailgate.state.parent), "FAIL_CALLS_UNTIL": str(until or "")}
        self.polls = None
        process = self.tailgate.start("run", "--log-group", GROUP, *self.tailgate.networks(), "--since", "1h",
                                      "--requests-per-second", "50", "--topic-arn", self.tailgate.topic,
                                      environment=environment)
        end = time.monotonic() + PATIENCE
        while process.poll() is None and not self._done():
            assert time.monotonic() < end, f"{fail}: neither done nor over:\n{process.log.read_text()}"
            if until and len(self.reported("hit")) >= until_hits:
                until.touch()
            self.wait(0.1)
        return self.tailgate.stop(process), process.log.read_text()

    def wait(self, seconds):
        """Until the next request, or for so long."""
        count = len(self.aws.requests)
        try:
            self.aws.wait_for(lambda: len(self.aws.requests) > count, seconds)
        except TimeoutError:
            pass

    def reported(self, word):
        text = self.report.read_text() if self.report.exists() else ""
        return [line.split(maxsplit=3)[1:] for line in text.splitlines() if line.startswith(word + " ")]

    def counts(self):
        return {kind: int(number) for kind, number in self.reported("count")}

    def check(self):
        """Every finding is there once, each is told, and the file is well."""
        findings = self.tailgate.findings()
        assert sorted(f["connection_id"] for f in findings if f["kind"] == "connection") == list(range(self.rows))
        assert len({f["id"] for f in findings}) == len(findings)
        told = self.told()
        assert {f["alert"] for f in findings} == set(told), "each is told, and nothing else"
        return told


def calls(count, sample=None):
    """Which of so many calls fail, from the first to the last."""
    sample = SAMPLE if sample is None else sample
    if sample == 0 or count <= sample:
        return list(range(1, count + 1))
    return sorted({1 + round(i * (count - 1) / max(sample - 1, 1)) for i in range(sample)})


def errors(log):
    return [line for line in log.splitlines() if re.match(r"\S+ (error|warning): (?!TAILGATE_TEST_CLOCK)", line)]


def is_clear(line):
    """Whether a complaint names what it is about, and why or what to do."""
    return len(line) > 60 and any(word in line for word in ("state.db", "SNS", "sns", "CloudWatch", "logs", "127.0.0.1", "STS"))


class Outcome:
    """What became of one call that failed."""

    def __init__(self, fail, hit, status, log, repeats):
        self.fail, self.hit, self.status, self.log, self.repeats = fail, hit, status, log, repeats

    def word(self):
        if not self.hit:
            return "not reached"
        if self.status != 0:
            return "killed" if self.status < 0 else "ended with an error"
        return "went on, said so" if errors(self.log) else "went on, harmless"


def complaints(log, life):
    """Errors, but for the one that a damaged life begins with."""
    return [line for line in errors(log) if not (life.damaged and re.search(r"state file \S+ (is|was) damaged", line))]


def truth(fail, life, status, log):
    """After a clean run everything is as if the failure had not been; returns the outcome."""
    hit = life.reported("hit")
    again, clean_log = life.run()
    try:
        assert again == 0 and not complaints(clean_log, life)
        told = life.check()
        repeats = sum(told.values()) - len(told)
        assert repeats <= 1 and (repeats == 0 or errors(log) or status < 0), told
        aside = list(life.tailgate.state.parent.glob("*.damaged-*"))
        assert 1 <= len(aside) <= 2 if life.damaged else not aside, aside
        return Outcome(fail, hit, status, log, repeats)
    except AssertionError as failure:
        raise AssertionError(f"{fail} ({hit}): {failure}\nthe log:\n{log}\nthe next:\n{clean_log}") from failure


def one(fail, life_of):
    """One failure: the life in which it happens, a clean one after it, and the truth."""
    with life_of() as life:
        status, log = life.run(fail)
        hit = life.reported("hit")
        assert status in (0, 3, 5), f"{fail} ({hit}): exit {status}\n{log}"
        assert status == 0 or any(is_clear(line) for line in complaints(log, life)), f"{fail} ({hit}): no clear error\n{log}"
        assert all(is_clear(line) for line in complaints(log, life)), f"{fail} ({hit}): an unclear error\n{log}"
        return truth(fail, life, status, log)


def each(live, plans, life_of):
    """Lead all these lives; what is wrong with any is told at the end."""
    wrong = []

    def lead(fail):
        try:
            return live(fail, life_of)
        except AssertionError as failure:
            wrong.append(str(failure))
            return None

    with ThreadPoolExecutor(JOBS) as pool:
        outcomes = list(pool.map(lead, plans))
    assert not wrong, f"{len(wrong)} of {len(plans)}:\n" + "\n\n".join(wrong)
    return outcomes


def sweep(kinds, life_of, counts):
    """Make calls of these kinds fail, each in a life of its own; returns the outcomes."""
    plans = []
    for kind in kinds:
        for place, number in enumerate(calls(counts.get(kind, 0))):
            plans.append(f"{kind}:{number}:{NUMBERS[kind][place % len(NUMBERS[kind])]}")
    return each(one, plans, life_of)


def killed(fail, life_of):
    """The process dies in the place of one call; the next one goes on as if nothing had been."""
    with life_of() as life:
        status, log = life.run(fail)
        hit = life.reported("hit")
        assert status in ((-signal.SIGKILL,) if hit else (0,)), f"{fail} ({hit}): exit {status}\n{log}"
        return truth(fail, life, status, log)


def kill_sweep(life_of, count, sample=None):
    return each(killed, [f"any:{number}:kill" for number in calls(count, sample)], life_of)


def table(outcomes, counts, title):
    """A line for each kind: how many calls there are, how many failed, and what became of those."""
    lines = [title]
    for kind in dict.fromkeys(o.fail.split(":")[0] for o in outcomes):
        of_kind = [o for o in outcomes if o.fail.startswith(kind + ":")]
        words = Counter(o.word() for o in of_kind)
        lines.append(f"  {kind:9}{len({o.fail.split(':')[1] for o in of_kind}):4} of {counts.get(kind, 0):4} calls, {len(of_kind):4} failures: "
                     + ", ".join(f"{n} {word}" for word, n in sorted(words.items()))
                     + f"; repeats {sum(o.repeats for o in of_kind)}")
    print("\n".join(lines))

# SPDX-License-Identifier: Apache-2.0
"""The truth of a world compared with what the program found and with what SNS got."""

import json
import re
import sqlite3
from collections import Counter, defaultdict

SHOWN = 5  # of one sort of fault


class Verdict:
    """faults: what is wrong, by the log group it concerns (None: the whole world); figures: what there was."""

    def __init__(self, world):
        self.faults = defaultdict(list)
        self.figures = Counter()
        self.findings = world.tailgate.findings()
        self._rows(world)
        self._alerts(world, world.lost_answers() + world.excused)
        if world.aws.defects:
            self._wrong(None, f"the loopback AWS has a defect: {world.aws.defects[0]}")

    def _wrong(self, group, text):
        self.faults[group].append(text)

    def _count(self, what, group, text):
        self.figures[what] += 1
        self._wrong(group, f"{what}: {text}")

    def _coverage(self, world, row):
        """What the store says of the time of a row: a row that is lost was not there, or not looked for."""
        query = ("SELECT reads, read_at FROM coverage JOIN watch ON watch.id = coverage.watch JOIN source ON source.id = watch.source "
                 "WHERE identity LIKE '%:' || ? AND start <= ? AND stop > ?")
        time = world.begin + row.written
        with sqlite3.connect(f"file:{world.tailgate.state}?mode=ro", uri=True) as database:
            stretches = database.execute(query, [row.group, time, time]).fetchall()
        return f"readable at {row.written + row.late}, last read at {[(reads, at - world.begin) for reads, at in stretches]}"

    def _rows(self, world):
        """Every whole row from outside is one finding, and nothing else is; of a torn one there may be some."""
        found = defaultdict(list)
        rows = [finding for finding in self.findings if finding["rule"] != "tailgate"]  # the others are its own notices
        for finding in rows:
            found[finding["event_id"], finding["line"]].append(finding)
        self.figures["rows"] = len(world.truth)
        self.figures["findings"] = len(rows)
        self.figures["notices"] = len(self.findings) - len(rows)
        for key, row in world.truth.items():
            if key not in found:
                self._count("lost", row.group, f"{row}; {self._coverage(world, row)}")
            for finding in found[key]:
                if (finding["user"], finding["connection_id"]) != (row.user, row.connection_id):
                    self._count("wrong", row.group, f"{row} became {finding}")
        for key, same in found.items():
            if key not in world.truth and key[0] not in world.torn:
                self._count("invented", same[0]["log_group"], f"{same[0]}")
            if len(same) > 1:
                self._count("doubled", same[0]["log_group"], f"{same}")

    def _alerts(self, world, excused):
        """Every finding was told, by what SNS got; an alert came again only where nobody could know that it had come."""
        told = Counter(message.attributes["alert_id"] for message in world.aws.sns.messages)
        groups = {message.attributes["alert_id"]: message.attributes.get("source") for message in world.aws.sns.messages}
        counts = {message.attributes["alert_id"]: findings_told(message) for message in world.aws.sns.messages}
        by_alert = Counter(finding.get("alert") for finding in self.findings)
        self.figures["alerts"] = len(told)
        self.figures["lost answers"] = sum(excused.values())
        self.figures["repeats"] = sum(told.values()) - len(told)
        for finding in self.findings:
            late = finding["rule"] == "tailgate" and finding["id"] not in world.told_by_itself
            if finding.get("alert") not in told and not late:
                self._count("untold", finding["log_group"], f"{finding}")
        for name, number in told.items():
            if name not in by_alert:
                self._count("alerts of nothing", groups[name], name)
            elif counts[name] != by_alert[name]:
                self._count("miscounted", groups[name], f"{name} tells {counts[name]} findings, not {by_alert[name]}")
            if number - 1 > excused[name]:
                self._count("repeats without a reason", groups[name], f"{name} {number} times, {excused[name]} answers lost")


def findings_told(message):
    """How many findings a message tells."""
    if message.message.startswith("{"):
        return json.loads(message.message)["count"]
    several = re.match(r"(\d+) (more findings|findings)", message.message)
    return int(several[1]) if several else 1

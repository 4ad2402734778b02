#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small models of how other programs read CloudWatch Logs, each only of what it says.

    python3 models.py NAME LOG-GROUP...

Prints each event's message until it is stopped. A model polls as its original does by default, and like it leaves a poll
that fails to the next one, after the three attempts that an AWS client makes by itself.
"""

import os
import sys
import threading
import time

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

STREAMS = ("one", "two")


def now_ms():
    return int(time.time() * 1000)


class Reader:
    """One log group. start: from when on its events are to be read, milliseconds."""

    every = 60  # seconds from poll to poll

    def __init__(self, logs, group, start):
        self.logs = logs
        self.group = group
        self.start = start

    def pages(self, start, end=None):
        """FilterLogEvents to the end."""
        asked = {"logGroupName": self.group, "startTime": start} | ({"endTime": end} if end is not None else {})
        while True:
            page = self.logs.filter_log_events(**asked)
            yield page["events"]
            if "nextToken" not in page:
                return
            asked["nextToken"] = page["nextToken"]

    def tell(self, events):
        for event in events:
            sys.stdout.write(event["message"] + "\n")
        sys.stdout.flush()


class LastInterval(Reader):
    """Each poll reads the time since the one before (opentelemetry-collector-contrib issue 32231)."""

    name = "OpenTelemetry collector, first releases"

    def poll(self):
        now = now_ms()
        for events in self.pages(now - self.every * 1000, now):
            self.tell(events)


class AfterTheLast(Reader):
    """The next poll starts a millisecond after the latest event (opentelemetry-collector-contrib pull request 46253)."""

    name = "OpenTelemetry collector before 0.147.0"

    def poll(self):
        for events in self.pages(self.start):
            self.tell(events)
            self.start = max([self.start] + [event["timestamp"] + 1 for event in events])


class ClosedWindows(Reader):
    """Windows that join, each read once, a minute after its end; a page that fails ends it (beats issues 28133 and 32641)."""

    name = "Filebeat with `latency: 1m`"

    latency = 60_000

    def poll(self):
        end = now_ms() - self.latency
        start, self.start = self.start, end
        if start < end:
            for events in self.pages(start, end - 1):
                self.tell(events)


class UntilEmpty(Reader):
    """GetLogEvents of each stream until a page is empty; the next poll goes on from its token (wodles/aws/services/cloudwatchlogs.py)."""

    name = "Wazuh"

    def __init__(self, logs, group, start):
        super().__init__(logs, group, start)
        self.places = {stream: {"startTime": start} for stream in STREAMS}

    def poll(self):
        for stream in STREAMS:
            place, latest = dict(self.places[stream]), self.places[stream]["startTime"] - 1
            while True:
                page = self.logs.get_log_events(logGroupName=self.group, logStreamName=stream, startFromHead=True, **place)
                place["nextToken"] = page["nextForwardToken"]
                if not page["events"]:
                    break
                self.tell(page["events"])
                latest = max(latest, *(event["timestamp"] for event in page["events"]))
            self.places[stream] = place | {"startTime": latest + 1}


class PastTheLast(Reader):
    """The position is a millisecond after the latest event, kept after each one (logstash-input-cloudwatch-logs issue 47)."""

    name = "Logstash input cloudwatch_logs"

    def poll(self):
        for events in self.pages(self.start):
            for event in events:
                self.tell([event])
                self.start = max(self.start, event["timestamp"] + 1)


MODELS = {"last-interval": LastInterval, "after-the-last": AfterTheLast, "closed-windows": ClosedWindows,
          "until-empty": UntilEmpty, "past-the-last": PastTheLast}


def follow(reader):
    while True:
        due = time.monotonic() + reader.every
        try:
            reader.poll()
        except (BotoCoreError, ClientError) as error:
            print(error, file=sys.stderr)
        time.sleep(max(0, due - time.monotonic()))


def end(failure):
    """A model that has a bug must not pass for one that loses events: it ends, which the table says."""
    threading.__excepthook__(failure)
    os._exit(1)


def main():
    threading.excepthook = end
    name, *groups = sys.argv[1:]
    config = Config(retries={"mode": "standard"}, max_pool_connections=len(groups))
    logs = botocore.session.get_session().create_client("logs", config=config, endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    start = now_ms()
    for group in groups:
        threading.Thread(target=follow, args=(MODELS[name](logs, group, start),)).start()


if __name__ == "__main__":
    main()

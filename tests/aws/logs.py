# SPDX-License-Identifier: Apache-2.0
"""CloudWatch Logs: FilterLogEvents as the service does it, the rest as far as tools need.

Formats and rules: Amazon CloudWatch Logs API Reference. Of the pattern language
only lists of plain and excluded terms and single regular expressions are evaluated
(see _Pattern); any other pattern is refused, so that no test can pass on a wrong
idea of it.
"""

import bisect
import re
import secrets
from dataclasses import dataclass, field
from typing import NamedTuple

from .services import AwsError, JsonService

MAX_EVENT_BYTES = 1 << 20
MAX_PAGE_EVENTS = 10_000
MAX_PAGE_BYTES = 1 << 20
MAX_PATTERN = 1024
TOKEN_LIFETIME_MS = 24 * 3600 * 1000
NO_END = 1 << 63

ARN = re.compile(
    r"arn:aws[a-z-]*:logs:(?P<region>[^:]+):(?P<account>\d{12}):log-group:(?P<name>[^:*]+)"
)
NAME = re.compile(r"[\w.\-/#]{1,512}", re.ASCII)
TERM = re.compile(r'(?P<minus>-\s*)?(?:(?P<word>[A-Za-z0-9_.]+)|"(?P<phrase>(?:[^"\\]|\\["\\])*)")')

# What a regular expression may hold (CloudWatch Logs User Guide, "Supported regular
# expressions (regex) syntax"); Python reads all of it alike but for "$" before a last LF.
REGEX = re.compile(
    r"%((?:[A-Za-z0-9:_#=@/;,^$?\[\]{}|*+.-]|\\(?:[dDsSwW]|x[0-9A-Fa-f]{2}|[\^$?\[\]{}|\\*+.-]))+)%"
)

FILTER_PARAMETERS = {
    "logGroupName": str,
    "logGroupIdentifier": str,
    "logStreamNames": list,
    "logStreamNamePrefix": str,
    "startTime": int,
    "endTime": int,
    "filterPattern": str,
    "nextToken": str,
    "limit": int,
    "interleaved": bool,
}


class Event(NamedTuple):
    """One log event. The first three are its place in the order of a group."""

    timestamp: int
    ingestion: int
    sequence: int
    id: str
    stream: str
    message: str
    size: int
    readable_at: int


@dataclass
class Group:
    """One log group with its events in the order in which they are answered."""

    arn: str
    name: str
    created_ms: int
    log_class: str
    retention_days: int | None = None  # for ever
    streams: set = field(default_factory=set)
    events: list = field(default_factory=list)


class _Token(NamedTuple):
    """Where a nextToken goes on, and for which request it was given."""

    request: tuple
    issued_ms: int
    position: tuple
    empty_pages: int
    last: bool


def _compiled(text):
    try:
        return re.compile(re.sub(r"(\\.)|\$", lambda found: found[1] or r"\Z", text), re.ASCII)
    except re.error:
        message = "Failed to compile regular expression."
        raise AwsError("InvalidParameterException", message) from None


class _Pattern:
    """Terms that must all be contained, and terms that must not: words of letters,
    digits, underscores and dots, or anything in double quotes, each with or without
    a minus. Case counts; a term matches anywhere, inside words too. Or one regular
    expression between two percent signs, looked for in the whole event."""

    def __init__(self, text):
        self._wanted, self._unwanted, self._regex = [], [], None
        if len(text) > MAX_PATTERN:
            raise AwsError("InvalidParameterException", "Invalid filter pattern: too long.")
        rest = text.strip()
        regex = REGEX.fullmatch(rest)
        if regex is not None:
            self._regex = _compiled(regex[1])
            return
        while rest:
            term = TERM.match(rest)
            if term is None or (term.end() < len(rest) and not rest[term.end()].isspace()):
                message = f"Invalid filter pattern: the loopback AWS does not evaluate {text!r}."
                raise AwsError("InvalidParameterException", message)
            literal = term["word"] or re.sub(r'\\(["\\])', r"\1", term["phrase"])
            (self._unwanted if term["minus"] else self._wanted).append(literal)
            rest = rest[term.end() :].lstrip()

    def matches(self, message):
        if self._regex is not None:
            return self._regex.search(message) is not None
        return all(term in message for term in self._wanted) and not any(
            term in message for term in self._unwanted
        )


class Logs(JsonService):
    """Tests fill it with put and may turn these knobs:

    page_events, page_bytes  where a page is cut (never above the service's limits); at 0
                             events a page is empty and has a token
    page_scan_bytes          a page ends where so many bytes have been looked at, whether or
                             not they match; None: it goes on until it is full
    empty_pages              how many empty pages with a token come before each page
    empty_last_page          the last page has a token too, which leads to an empty one
    token_lifetime_ms        after this a nextToken is invalid
    """

    name = "logs"
    target_prefix = "Logs_20140328"
    signing_name = "logs"
    permission_prefix = "logs"

    def __init__(self, aws):
        super().__init__(aws)
        self.page_events = MAX_PAGE_EVENTS
        self.page_bytes = MAX_PAGE_BYTES
        self.page_scan_bytes = None
        self.empty_pages = 0
        self.empty_last_page = False
        self.token_lifetime_ms = TOKEN_LIFETIME_MS
        self.groups = {}
        self._tokens = {}
        self._sequence = 0

    def arn(self, group, region=None, account=None):
        """The ARN (without the :*) of a group given by name or ARN."""
        if group.startswith("arn:"):
            return group
        place = f"{region or self.aws.region}:{account or self.aws.account}"
        return f"arn:aws:logs:{place}:log-group:{group}"

    def create(self, group, log_class="STANDARD"):
        """Make an empty log group, given by name (own account and region) or by ARN."""
        arn = self.arn(group)
        parts = ARN.fullmatch(arn)
        if parts is None or not NAME.fullmatch(parts["name"]):
            raise ValueError(f"{group!r} is neither a log group's name nor its ARN")
        with self.aws.lock:
            created = Group(arn, parts["name"], self.aws.clock.now_ms(), log_class)
            return self.groups.setdefault(arn, created)

    def put(self, group, stream, rows):
        """Add events to a stream, making group and stream as needed.

        A row is (timestamp_ms, message[, ingestion_ms[, readable_at]]). Bytes that are
        not UTF-8 become U+FFFD, for CloudWatch carries nothing else. The ingestion
        time is now unless given. Before readable_at the event is in no answer: that is
        how an event comes late. Returns the event ids in the order of the rows.
        """
        with self.aws.lock:
            home = self.create(group)
            home.streams.add(stream)
            ids = [self._add(home, stream, *row) for row in rows]
        self.aws.wake()
        return ids

    def _add(self, group, stream, timestamp, message, ingestion_ms=None, readable_at=None):
        if isinstance(message, str):
            message = message.encode("utf-8", "surrogatepass")
        text = message.decode("utf-8", "replace")
        size = len(text.encode("utf-8"))
        if not 1 <= size <= MAX_EVENT_BYTES:
            raise ValueError(f"a log event has 1 to {MAX_EVENT_BYTES} bytes, not {size}")
        if timestamp < 0:
            raise ValueError(f"the timestamp {timestamp} is before 1970")
        ingestion = self.aws.clock.now_ms() if ingestion_ms is None else ingestion_ms
        self._sequence += 1
        event_id = f"3{timestamp:015d}{ingestion:015d}{self._sequence:025d}"
        event = Event(
            timestamp, ingestion, self._sequence, event_id, stream, text, size, readable_at or 0
        )
        bisect.insort(group.events, event)
        return event_id

    def resource(self, call):
        given = call.parameters.get("logGroupIdentifier") or call.parameters.get("logGroupName", "")
        return f"{self.arn(given, call.region, call.caller.account)}:log-stream:"

    def _filter_log_events(self, call):
        asked = call.parameters
        self._check_types(asked)
        group = self._readable_group(call)
        start, end = asked.get("startTime", 0), asked.get("endTime", NO_END)
        if start < 0 or end < start:
            message = "The time range is not valid: startTime is from 0 to endTime."
            raise self.error("invalid_parameter", message)
        limit = asked.get("limit", MAX_PAGE_EVENTS)
        if not 1 <= limit <= MAX_PAGE_EVENTS:
            bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 10000"
            message = (
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy "
                f"constraint: Member must have value {bound}"
            )
            raise self.error("invalid_parameter", message)
        pattern = _Pattern(asked.get("filterPattern", ""))
        wanted = self._stream_filter(asked)
        request = (group.arn, start, end, asked.get("filterPattern", ""), wanted)
        token = self._take_token(asked.get("nextToken"), request, (start,), self.empty_pages)
        if token.empty_pages > 0:
            return self._page([], token._replace(empty_pages=token.empty_pages - 1))
        found, position = self._scan(
            group, token.position, end, min(limit, self.page_events), pattern, wanted
        )
        if position is not None:
            token = token._replace(position=position)
            return self._page(found, token._replace(empty_pages=self.empty_pages))
        if found:
            token = token._replace(position=_after(found[-1]))
        if self.empty_last_page and not token.last:
            return self._page(found, token._replace(last=True))
        return self._page(found, None)

    def _get_log_events(self, call):
        """One stream, oldest first. A forward token always comes; at the end it is the same again."""
        asked = call.parameters
        group = self._readable_group(call)
        stream, start, end = asked.get("logStreamName"), asked.get("startTime", 0), asked.get("endTime", NO_END)
        if stream not in group.streams:
            raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
        if not asked.get("startFromHead"):
            raise self.error("invalid_parameter", "The loopback AWS reads a stream from its head only.")
        limit = min(asked.get("limit", MAX_PAGE_EVENTS), self.page_events)
        token = self._take_token(asked.get("nextToken"), (group.arn, stream), (start,))
        if token.empty_pages > 0:
            return self._forward([], token._replace(empty_pages=token.empty_pages - 1))
        # The end of the time asked for is not a part of it.
        found, more = self._scan(group, token.position, end - 1, limit, _Pattern(""), (stream,))
        if not found and asked.get("nextToken"):
            return self._forward([], None, asked["nextToken"])
        if found:
            token = token._replace(position=_after(found[-1]))
        return self._forward(found, token._replace(empty_pages=self.empty_pages if more else 0))

    def _forward(self, events, token, same=None):
        """A page of GetLogEvents."""
        page = self._page(events, token)
        text = page.pop("nextToken", same)
        del page["searchedLogStreams"]
        for event in page["events"]:
            del event["logStreamName"], event["eventId"]
        return page | {"nextForwardToken": text, "nextBackwardToken": "b" + text}

    def _scan(self, group, position, end, limit, pattern, wanted):
        """The events of one page, and where the next one goes on if there may be more."""
        now = self.aws.clock.now_ms()
        found, size, scanned = [], 0, 0
        if limit == 0:
            return found, position
        for index in range(bisect.bisect_left(group.events, position), len(group.events)):
            event = group.events[index]
            if event.timestamp > end:
                break
            if event.readable_at > now or not _in_streams(event.stream, wanted):
                continue
            if group.retention_days and event.timestamp < now - group.retention_days * 86_400_000:
                continue
            if self.page_scan_bytes is not None and scanned >= self.page_scan_bytes:
                return found, event[:3]
            scanned += event.size
            if not pattern.matches(event.message):
                continue
            if len(found) == limit or (found and size + event.size > self.page_bytes):
                return found, _after(found[-1])
            found.append(event)
            size += event.size
        return found, None

    def _page(self, events, token):
        page = {
            "events": [
                {
                    "logStreamName": event.stream,
                    "timestamp": event.timestamp,
                    "message": event.message,
                    "ingestionTime": event.ingestion,
                    "eventId": event.id,
                }
                for event in events
            ],
            "searchedLogStreams": [],
        }
        if token is not None:
            text = "Bxkq6kVGFtq2y_Moigeqs" + secrets.token_urlsafe(48)
            self._tokens[text] = token._replace(issued_ms=self.aws.clock.now_ms())
            page["nextToken"] = text
        return page

    def _take_token(self, text, request, start, empty_pages=0):
        if text is None:
            return _Token(request, 0, start, empty_pages, False)
        token = self._tokens.get(text)
        if token is not None and token.request == request:
            if token.issued_ms + self.token_lifetime_ms > self.aws.clock.now_ms():
                return token
        raise self.error("invalid_parameter", "The specified nextToken is invalid.")

    def _check_types(self, asked):
        for name, value in asked.items():
            kind = FILTER_PARAMETERS.get(name)
            if kind is None:
                raise self.error("invalid_parameter", f"The loopback AWS does not know '{name}'.")
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                raise self.error("malformed", f"'{name}' is not of type {kind.__name__}.")

    def _stream_filter(self, asked):
        """The streams asked for: None for all, a prefix, or a tuple of names."""
        names, prefix = asked.get("logStreamNames"), asked.get("logStreamNamePrefix")
        if names is not None and prefix is not None:
            message = "logStreamNames and logStreamNamePrefix exclude each other."
            raise self.error("invalid_parameter", message)
        if names is not None and not 1 <= len(names) <= 100:
            raise self.error("invalid_parameter", "1 to 100 logStreamNames can be given.")
        return prefix if names is None else tuple(names)

    def _readable_group(self, call):
        name, identifier = (
            call.parameters.get(key) for key in ("logGroupName", "logGroupIdentifier")
        )
        if (name is None) == (identifier is None):
            message = "Exactly one of logGroupName and logGroupIdentifier must be given."
            raise self.error("invalid_parameter", message)
        given = name or identifier
        by_arn = name is None and ARN.fullmatch(given)
        if not by_arn and not NAME.fullmatch(given):
            member = "logGroupIdentifier" if name is None else "logGroupName"
            message = (
                f"1 validation error detected: Value '{given}' at '{member}' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern"
            )
            raise self.error("invalid_parameter", message)
        group = self._group(call, given)
        if group.log_class != "STANDARD":
            message = "This operation is not supported for this log class."
            raise AwsError("InvalidOperationException", message)
        return group

    def _group(self, call, given):
        group = self.groups.get(self.arn(given, call.region, call.caller.account))
        if group is None or group.arn.split(":")[3] != call.region:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        return group

    def _create_log_group(self, call):
        name = call.parameters.get("logGroupName", "")
        if not NAME.fullmatch(name):
            raise self.error("invalid_parameter", "logGroupName is missing or not valid.")
        arn = self.arn(name, call.region, call.caller.account)
        if arn in self.groups:
            message = "The specified log group already exists"
            raise AwsError("ResourceAlreadyExistsException", message)
        self.create(arn, call.parameters.get("logGroupClass", "STANDARD"))

    def _create_log_stream(self, call):
        streams = self._group(call, call.parameters.get("logGroupName", "")).streams
        stream = call.parameters.get("logStreamName", "")
        if stream in streams:
            message = "The specified log stream already exists"
            raise AwsError("ResourceAlreadyExistsException", message)
        streams.add(stream)

    def _put_log_events(self, call):
        group = self._group(call, call.parameters.get("logGroupName", ""))
        stream = call.parameters.get("logStreamName")
        if stream not in group.streams:
            message = "The specified log stream does not exist."
            raise AwsError("ResourceNotFoundException", message)
        try:
            rows = [(row["timestamp"], row["message"]) for row in call.parameters["logEvents"]]
        except (KeyError, TypeError):
            raise self.error("malformed", "logEvents is not as it should be.") from None
        if any(earlier[0] > later[0] for earlier, later in zip(rows, rows[1:])):
            message = "Log events in a single PutLogEvents request must be in chronological order."
            raise self.error("invalid_parameter", message)
        if not all(row[1] for row in rows):
            raise self.error("invalid_parameter", "A log event must not be empty.")
        self.put(group.arn, stream, rows)
        return {"nextSequenceToken": str(self._sequence)}

    def _describe_log_groups(self, call):
        """The groups of the caller with that prefix, in one page of at most `limit`."""
        prefix = self.arn(
            call.parameters.get("logGroupNamePrefix", ""), call.region, call.caller.account
        )
        found = [self.groups[arn] for arn in sorted(self.groups) if arn.startswith(prefix)]
        return {"logGroups": [_description(group) for group in found[: call.parameters.get("limit", 50)]]}

    actions = {
        "FilterLogEvents": _filter_log_events,
        "GetLogEvents": _get_log_events,
        "CreateLogGroup": _create_log_group,
        "CreateLogStream": _create_log_stream,
        "PutLogEvents": _put_log_events,
        "DescribeLogGroups": _describe_log_groups,
    }


def _after(event):
    return event[:2] + (event.sequence + 1,)


def _in_streams(stream, wanted):
    if wanted is None:
        return True
    return stream.startswith(wanted) if isinstance(wanted, str) else stream in wanted


def _description(group):
    kept = {"retentionInDays": group.retention_days} if group.retention_days else {}
    return kept | {
        "logGroupName": group.name,
        "logGroupArn": group.arn,
        "arn": group.arn + ":*",
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "storedBytes": sum(event.size for event in group.events),
        "logGroupClass": group.log_class,
    }

# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong on request, each with a name.

A fault may act at four moments: it shifts the clock by which a request is judged,
answers instead of the service, alters the answer, or spoils the sending of it.
Faults that answer with an error do so after the signature was verified, as AWS
does; so a fault never hides a bad signature.
"""

import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from .http_server import Answer
from .services import AwsError


class Fault:
    """The base of all, and itself the absence of any."""

    name = None
    clock_offset_ms = 0
    usual_times = 1

    def fits(self, call):
        """Whether the fault can be of this call at all; others do not count."""
        return True

    def instead(self, service, call):
        """An Answer in place of the service's, or None. May raise AwsError."""
        return None

    def alter(self, answer):
        """Change the complete answer in place."""

    def send(self, wire, answer):
        """Send it; returns whether the connection stays open."""
        wire.write(answer.encode())
        return True

    def release(self):
        """Let a fault that holds something back go on."""


NO_FAULT = Fault()


class Condition(Fault):
    """An error that every service has, told by the code and status it has there."""

    def __init__(self, name, message):
        self.name = name
        self._message = message

    def instead(self, service, call):
        raise service.error(self.name, self._message)


class Storm(Fault):
    """Errors that come many at a time: conditions in turn, again and again."""

    usual_times = 20

    def __init__(self, name, *conditions):
        self.name = name
        self._conditions = itertools.cycle(conditions)

    def instead(self, service, call):
        raise service.error(next(self._conditions), "Please try again")


class AccessDenied(Fault):
    """The refusal IAM words: user, action and resource."""

    name = "access_denied"

    def instead(self, service, call):
        raise service.denial(call)


class Error(Fault):
    """Any error by its code, message and status."""

    def __init__(self, name, code, message, status=400):
        self.name = name
        self._error = (code, message, status)

    def instead(self, service, call):
        raise AwsError(*self._error)


class Substitute(Fault):
    """Any answer at all, in place of the service's."""

    def __init__(self, name, status, content_type, body, headers=None):
        self.name = name
        self._answer = (status, content_type, body, headers or {})

    def instead(self, service, call):
        status, content_type, body, headers = self._answer
        return Answer(status, content_type, body, dict(headers))


class CutConnection(Fault):
    """The connection ends without a byte of answer. processed tells whether the
    service has done what was asked; reset, whether it ends by a TCP reset."""

    def __init__(self, name, processed, reset=False):
        self.name = name
        self._processed = processed
        self._reset = reset

    def instead(self, service, call):
        return None if self._processed else Answer(0, "", b"")

    def send(self, wire, answer):
        if self._reset:
            wire.reset_on_close()
        return False


class CutBody(Fault):
    """Half of the body under a Content-Length that promises all of it."""

    name = "cut_body"

    def send(self, wire, answer):
        wire.write(answer.head() + answer.body[: len(answer.body) // 2])
        return False


class HalfBody(Fault):
    """Half of the body, and a Content-Length that says so: all of HTTP is well."""

    name = "half_body"

    def alter(self, answer):
        answer.body = answer.body[: len(answer.body) // 2]


class EmptyBody(Fault):
    """The right status and headers, and no body."""

    name = "empty_body"

    def alter(self, answer):
        answer.body = b""


class HugeBody(Fault):
    """More bytes than anyone should take. declared tells whether a Content-Length
    announces them or they come in chunks without end in sight."""

    piece = b" " * 65536

    def __init__(self, name="huge_body", size=64 << 20, declared=True):
        self.name = name
        self._pieces = size // len(self.piece)
        self._declared = declared

    def instead(self, service, call):
        return Answer(200, "application/x-amz-json-1.1", b"")

    def send(self, wire, answer):
        if self._declared:
            length = self._pieces * len(self.piece)
            wire.write(answer.head(f"Content-Length: {length}"))
            for _ in range(self._pieces):
                wire.write(self.piece)
            return True
        wire.write(answer.head("Transfer-Encoding: chunked"))
        for _ in range(self._pieces):
            wire.write(b"%x\r\n%s\r\n" % (len(self.piece), self.piece))
        wire.write(b"0\r\n\r\n")
        return True


class Slow(Fault):
    """The answer a byte at a time, the rest at once when released."""

    def __init__(self, pause_s=0.02):
        self.name = "slow"
        self._pause_s = pause_s
        self._released = threading.Event()

    def send(self, wire, answer):
        data = answer.encode()
        for position in range(len(data)):
            if self._released.wait(self._pause_s):
                wire.write(data[position:])
                break
            wire.write(data[position : position + 1])
        return True

    def release(self):
        self._released.set()


class Stall(Fault):
    """No byte of the answer before it is released."""

    def __init__(self):
        self.name = "stall"
        self._released = threading.Event()

    def send(self, wire, answer):
        self._released.wait()
        wire.write(answer.encode())
        return True

    def release(self):
        self._released.set()


class SkewedClock(Fault):
    """The service's clock is seconds ahead (or, below zero, behind): signatures are
    judged by it and the Date header shows it."""

    name = "skewed_clock"

    def __init__(self, seconds=3600):
        self.clock_offset_ms = seconds * 1000


class MissingDate(Fault):
    """An answer without a Date header."""

    name = "missing_date"

    def alter(self, answer):
        del answer.headers["Date"]


class Knob(Fault):
    """The service with one of its knobs turned, for this call alone."""

    def __init__(self, name, knob, value, action):
        self.name = name
        self._knob = knob
        self._value = value
        self._action = action

    def fits(self, call):
        return call.action == self._action

    def instead(self, service, call):
        usual = getattr(service, self._knob)
        setattr(service, self._knob, self._value)
        try:
            return service.perform(call)
        finally:
            setattr(service, self._knob, usual)


class ExpiringToken(Fault):
    """The nextToken of a request that has one is no longer good."""

    name = "expiring_token"

    def fits(self, call):
        return "nextToken" in (call.parameters or {})

    def instead(self, service, call):
        raise service.error("invalid_parameter", "The specified nextToken is invalid.")


class DuplicateDelivery(Fault):
    """Every event of a page twice, under its own id."""

    name = "duplicate_delivery"

    def fits(self, call):
        return call.action == "FilterLogEvents"

    def alter(self, answer):
        page = json.loads(answer.body)
        if "events" in page:
            page["events"] = [event for event in page["events"] for _ in range(2)]
            answer.body = json.dumps(page).encode()


def redirect(location):
    """A 302 to another address; a second loopback's url tells who followed it."""
    return Substitute("redirect", 302, "text/html", b"", {"Location": location})


PAGE = b"<html><body><h1>It works!</h1></body></html>"
KMS_DENIED = (
    "User: arn:aws:iam::123456789012:user/tailgate is not authorized to perform: "
    "kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:123456789012:key/"
    "1234abcd-12ab-34cd-56ef-1234567890ab because no identity-based policy allows the "
    "kms:GenerateDataKey action (Service: AWSKMS; Status Code: 400; Error Code: "
    "AccessDeniedException)"
)

# The faults that need no choice, made anew each time they are asked for by name.
NAMED = {
    "throttle": lambda: Condition("throttle", "Rate exceeded"),
    "service_unavailable": lambda: Condition("service_unavailable", "Service is unavailable"),
    "internal_error": lambda: Condition("internal_error", "Internal failure"),
    "expired_token": lambda: Condition(
        "expired_token", "The security token included in the request is expired"
    ),
    "access_denied": AccessDenied,
    "throttle_storm": lambda: Storm("throttle_storm", "throttle"),
    "server_error_burst": lambda: Storm(
        "server_error_burst", "internal_error", "service_unavailable"
    ),
    "cut_connection": lambda: CutConnection("cut_connection", processed=False),
    "reset_connection": lambda: CutConnection("reset_connection", processed=False, reset=True),
    "lost_response": lambda: CutConnection("lost_response", processed=True),
    "cut_body": CutBody,
    "half_body": HalfBody,
    "empty_body": EmptyBody,
    "not_json": lambda: Substitute("not_json", 200, "text/html", PAGE),
    "huge_body": HugeBody,
    "huge_chunked_body": lambda: HugeBody("huge_chunked_body", declared=False),
    "slow": Slow,
    "stall": Stall,
    "skewed_clock": SkewedClock,
    "missing_date": MissingDate,
    "empty_page": lambda: Knob("empty_page", "page_events", 0, "FilterLogEvents"),
    "short_page": lambda: Knob("short_page", "page_events", 1, "FilterLogEvents"),
    "expiring_token": ExpiringToken,
    "duplicate_delivery": DuplicateDelivery,
    "log_class": lambda: Error(
        "log_class",
        "InvalidOperationException",
        "This operation is not supported for this log class.",
    ),
    "throttled": lambda: Error("throttled", "Throttled", "Rate exceeded", 429),
    "kms_throttling": lambda: Error("kms_throttling", "KMSThrottling", "Rate exceeded"),
    "kms_access_denied": lambda: Error("kms_access_denied", "KMSAccessDenied", KMS_DENIED),
    "partial_batch": lambda: Knob("partial_batch", "refuse_every", 2, "PublishBatch"),
    "topic_not_found": lambda: Error("topic_not_found", "NotFound", "Topic does not exist", 404),
}

# As often as the fault itself says.
USUAL = object()


@dataclass
class Entry:
    """A fault in waiting; used counts how often it has struck."""

    service: str
    action: str
    fault: Fault
    times: int | None
    after: int
    when: Callable | None
    used: int = 0
    seen: int = 0

    def release(self):
        self.fault.release()

    def strikes(self, call):
        """Whether this call meets the fault; counts it."""
        if self.service not in ("*", call.service) or self.action not in ("*", call.action):
            return False
        if self.when is not None and not self.when(call):
            return False
        if not self.fault.fits(call):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.used >= self.times):
            return False
        self.used += 1
        return True


class Faults:
    """The faults of one loopback. A call meets at most one: the first that fits."""

    def __init__(self, lock):
        self._lock = lock
        self._entries = []

    def add(self, service, action, fault, times=USUAL, after=0, when=None):
        """Let calls of an action ("*" for any) meet a fault, given by name or made by
        a class of this module: `times` calls (None for all to come; by default one,
        of a storm 20), once `after` have passed unharmed, and only those for which
        when(call) is true. Returns the entry, which counts and can release what is
        held back."""
        made = NAMED[fault]() if isinstance(fault, str) else fault
        times = made.usual_times if times is USUAL else times
        entry = Entry(service, action, made, times, after, when)
        with self._lock:
            self._entries.append(entry)
        return entry

    def clear(self):
        """Forget all faults and release what they hold back."""
        with self._lock:
            entries, self._entries = self._entries, []
        for entry in entries:
            entry.release()

    def take(self, call):
        """The fault that this call meets, or NO_FAULT."""
        for entry in self._entries:
            if entry.strikes(call):
                return entry.fault
        return NO_FAULT

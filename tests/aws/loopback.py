# SPDX-License-Identifier: Apache-2.0
"""The loopback AWS as a whole: the services, the way to them, and what tests see."""

import threading
import uuid

from .clock import Clock, http_date
from .cloudwatch import CloudWatch
from .container import Container
from .credentials import Credentials
from .faults import Faults
from .http_server import Answer, HttpServer
from .imds import Imds
from .logs import Logs
from .services import AwsError
from .sns import Sns
from .sts import Sts

# A new service is a file of its own and one word here.
SERVICES = (Logs, Sns, Sts, CloudWatch, Imds, Container)

# The keys that AWS's own documentation uses in examples.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class Loopback:
    """One AWS account in one region, reachable from construction to close.

    clock, credentials, faults   see the classes
    logs, sns, sts, cloudwatch, imds, container   the services
    requests    every call, in the order in which they were handled
    verified    how many signatures were found good
    refused     the calls whose signature was not accepted
    defects     tracebacks of mistakes in the loopback itself
    """

    def __init__(self, base_ms=None, speed=1, region="eu-west-1", account="123456789012"):
        self.region = region
        self.account = account
        self.clock = Clock(base_ms, speed)
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self.credentials = Credentials(self.clock, account)
        self.credentials.add(ACCESS_KEY, SECRET_KEY)
        self.faults = Faults(self.lock)
        self.requests = []
        self.verified = 0
        self.refused = []
        self._services = [service(self) for service in SERVICES]
        self.logs, self.sns, self.sts, self.cloudwatch, self.imds, self.container = self._services
        self._server = HttpServer(self._handle)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stop serving: release what faults hold back and end all connections."""
        self.faults.clear()
        self._server.close()

    def drain(self):
        """Wait until all is handled that clients asked who are gone by now; there must be no others."""
        self._server.drain()

    @property
    def defects(self):
        return self._server.defects

    def calls(self, service, action):
        """The requests of one action so far."""
        with self.lock:
            return [c for c in self.requests if (c.service, c.action) == (service, action)]

    def wait_for(self, predicate, timeout=10):
        """Wait, without polling, until predicate() is true; returns its value.

        It is called after every request and whenever the test itself changes
        something (or calls wake). Raises TimeoutError with the last requests.
        """
        with self._changed:
            value = self._changed.wait_for(predicate, timeout)
            if not value:
                last = "".join(
                    f"\n  {c.service} {c.action} {c.status} {c.error or ''} {c.fault or ''}"
                    for c in self.requests[-20:]
                )
                raise TimeoutError(
                    f"not within {timeout} s; the last requests were:{last or ' none'}"
                )
            return value

    def wake(self):
        """Have wait_for look again."""
        with self._changed:
            self._changed.notify_all()

    def environment(self):
        """What a client needs to find this AWS, with long-term keys."""
        return self._place() | {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def imds_environment(self):
        """The same, for a client that gets its keys from the metadata service."""
        return self._place() | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url}

    def container_environment(self):
        """The same, for a client that gets its keys from the container endpoint."""
        environment = self._place() | {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + Container.path,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.container.token is not None:
            environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self.container.token
        return environment

    def _place(self):
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": self.region} | self.clock.environment()

    def _handle(self, call):
        """Answer one request; returns the answer and the fault that sends it."""
        with self._changed:
            call.request_id = str(uuid.uuid4())
            call.time_ms = self.clock.now_ms()
            service = self._route(call)
            if service is not None:
                call.service = service.name
                service.identify(call)
            fault = self.faults.take(call)
            call.fault = fault.name
            call.server_ms = call.time_ms + fault.clock_offset_ms
            answer = self._answer(service, call, fault)
            answer.headers["Date"] = http_date(call.server_ms)
            answer.headers["x-amzn-RequestId"] = call.request_id
            fault.alter(answer)
            call.status = answer.status or None
            self.requests.append(call)
            self._changed.notify_all()
            return answer, fault

    def _answer(self, service, call, fault):
        if service is None:
            return Answer(404, "text/plain", b"The loopback AWS has no service for this request.")
        try:
            return service.answer(call, fault)
        except AwsError as error:
            call.error = error.code
            return service.error_answer(call, error)

    def _route(self, call):
        """The service a request is meant for, or None."""
        for service in self._services:
            if service.recognises(call):
                return service
        return None

# SPDX-License-Identifier: Apache-2.0
"""What AWS services have in common: two protocols and their words for errors.

A service is a class in a file of its own. It derives from JsonService or
QueryService (or from Service, if it speaks neither), says by which part of a
request it is recognised, and lists its actions. Each action is a method from
the call to a JSON object or to the children of the XML result.
"""

import json
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from . import signature
from .http_server import Answer

# A condition is a reason for an error that every service has; the tables say by
# which code and status a protocol tells it. A service may override single rows.
JSON_CONDITIONS = {
    "no_signature": ("MissingAuthenticationTokenException", 400),
    "incomplete_signature": ("IncompleteSignatureException", 400),
    "bad_signature": ("InvalidSignatureException", 400),
    "old_signature": ("InvalidSignatureException", 400),
    "early_signature": ("InvalidSignatureException", 400),
    "unknown_key": ("UnrecognizedClientException", 400),
    "expired_token": ("ExpiredTokenException", 400),
    "access_denied": ("AccessDeniedException", 400),
    "throttle": ("ThrottlingException", 400),
    "service_unavailable": ("ServiceUnavailableException", 503),
    "internal_error": ("InternalFailure", 500),
    "unknown_action": ("UnknownOperationException", 404),
    "malformed": ("SerializationException", 400),
    "invalid_parameter": ("InvalidParameterException", 400),
}

QUERY_CONDITIONS = {
    "no_signature": ("MissingAuthenticationToken", 403),
    "incomplete_signature": ("IncompleteSignature", 400),
    "bad_signature": ("SignatureDoesNotMatch", 403),
    "old_signature": ("SignatureDoesNotMatch", 403),
    "early_signature": ("SignatureDoesNotMatch", 403),
    "unknown_key": ("InvalidClientTokenId", 403),
    "expired_token": ("ExpiredToken", 403),
    "access_denied": ("AccessDenied", 403),
    "throttle": ("Throttling", 400),
    "service_unavailable": ("ServiceUnavailable", 503),
    "internal_error": ("InternalFailure", 500),
    "unknown_action": ("InvalidAction", 400),
    "malformed": ("MalformedQueryString", 400),
    "invalid_parameter": ("ValidationError", 400),
}

PLAIN_CONDITIONS = {
    "throttle": ("", 429),
    "service_unavailable": ("", 503),
    "internal_error": ("", 500),
    "access_denied": ("", 403),
    "unknown_action": ("", 404),
}


class AwsError(Exception):
    """An error that is answered to the client."""

    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Service:
    """A service with no signature and no protocol of its own: metadata endpoints.

    Recognised by the path its requests begin with. name is what tests call it.
    """

    name = None
    path_prefix = None
    conditions = PLAIN_CONDITIONS

    def __init__(self, aws):
        self.aws = aws

    def recognises(self, call):
        """Whether the call is meant for this service."""
        return call.path.startswith(self.path_prefix)

    def identify(self, call):
        """Set call.action and call.parameters; must not raise."""
        raise NotImplementedError

    def answer(self, call, fault):
        """The Answer to a call, unless the fault has one; raises AwsError."""
        self.admit(call)
        return fault.instead(self, call) or self.perform(call)

    def admit(self, call):
        """Check what comes before the action itself; raises AwsError."""

    def perform(self, call):
        """Do what the call asks. Returns an Answer; raises AwsError."""
        raise NotImplementedError

    def error_answer(self, call, error):
        return Answer(error.status, "text/plain", error.message.encode())

    def error(self, condition, message):
        """The AwsError by which this service tells a condition."""
        code, status = self.conditions[condition]
        return AwsError(code, message, status)

    def denial(self, call):
        """The error of a caller without permission, worded as AWS words it."""
        return self.error("access_denied", "Forbidden")


class SignedService(Service):
    """What JSON and Query services share: actions and signatures."""

    signing_name = None
    permission_prefix = None
    actions = {}

    def admit(self, call):
        if self.needs_signature(call):
            self._authenticate(call)
        else:
            call.region = self.aws.region
        if call.method != "POST" or call.target != "/":
            raise self.error("unknown_action", "The loopback takes POST requests to / only.")
        if call.malformed:
            raise self.error("malformed", call.malformed)
        if call.action not in self.actions:
            raise self.error("unknown_action", f"{self.name} has no action {call.action!r} here.")

    def _authenticate(self, call):
        try:
            call.caller, call.region = signature.verify(
                call, self.signing_name, self.aws.credentials, call.server_ms
            )
        except signature.Refused as refused:
            self.aws.refused.append(call)
            raise self.error(refused.condition, refused.message) from None
        self.aws.verified += 1

    def perform(self, call):
        return self.result_answer(call, self.actions[call.action](self, call))

    def needs_signature(self, call):
        """Whether the action is one that only a signed request may ask for."""
        return True

    def result_answer(self, call, result):
        """The Answer that carries what an action returned."""
        raise NotImplementedError

    def denial(self, call):
        permission = f"{self.permission_prefix}:{call.action}"
        return self.error(
            "access_denied",
            f"User: {call.caller.arn} is not authorized to perform: {permission} on "
            f"resource: {self.resource(call)} because no identity-based policy allows "
            f"the {permission} action",
        )

    def resource(self, call):
        """The ARN that a refusal of this call names."""
        return "*"


class JsonService(SignedService):
    """AWS JSON 1.1, recognised by the first part of X-Amz-Target."""

    target_prefix = None
    conditions = JSON_CONDITIONS

    def recognises(self, call):
        return call.headers.get("X-Amz-Target", "").startswith(self.target_prefix + ".")

    def identify(self, call):
        call.action = call.headers.get("X-Amz-Target", "").partition(".")[2]
        if call.headers.get("Content-Type") != "application/x-amz-json-1.1":
            call.malformed = "The Content-Type is not application/x-amz-json-1.1."
            return
        try:
            parameters = json.loads(call.body.decode("utf-8"))
        except ValueError as error:
            call.malformed = f"The body is not JSON: {error}"
            return
        if not isinstance(parameters, dict):
            call.malformed = "The body is not a JSON object."
            return
        call.parameters = parameters

    def result_answer(self, call, result):
        body = json.dumps(result, ensure_ascii=False, separators=(",", ":")) if result else ""
        return Answer(200, "application/x-amz-json-1.1", body.encode("utf-8"))

    def error_answer(self, call, error):
        body = json.dumps({"__type": error.code, "message": error.message})
        return Answer(error.status, "application/x-amz-json-1.1", body.encode())


class QueryService(SignedService):
    """AWS Query: a form as the request, XML as the answer; recognised by Version."""

    version = None
    namespace = None
    conditions = QUERY_CONDITIONS

    def recognises(self, call):
        version = f"Version={self.version}".encode()
        return "X-Amz-Target" not in call.headers and version in call.body.split(b"&")

    def identify(self, call):
        call.parameters, call.malformed = parse_form(call)
        call.action = (call.parameters or {}).get("Action")

    def result_answer(self, call, result):
        content = [] if result is None else [(f"{call.action}Result", result)]
        content.append(("ResponseMetadata", [("RequestId", call.request_id)]))
        return self._document(200, f"{call.action}Response", content)

    def error_answer(self, call, error):
        kind = "Sender" if error.status < 500 else "Receiver"
        details = [("Type", kind), ("Code", error.code), ("Message", error.message)]
        content = [("Error", details), ("RequestId", call.request_id)]
        return self._document(error.status, "ErrorResponse", content)

    def _document(self, status, root, content):
        body = f'<{root} xmlns="{self.namespace}">{xml(content)}</{root}>'
        return Answer(status, "text/xml", body.encode("utf-8"))


def parse_form(call):
    """The parameters of a Query request: (flat dictionary or None, complaint or None)."""
    content_type = call.headers.get("Content-Type", "").partition(";")[0].strip()
    if content_type != "application/x-www-form-urlencoded":
        return None, "The Content-Type is not application/x-www-form-urlencoded."
    try:
        pairs = parse_qsl(
            call.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError as error:
        return None, f"The body is not a form: {error}"
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        return None, "A parameter is given twice."
    return parameters, None


def members(parameters, prefix):
    """The entries PREFIX.1, PREFIX.2 ... of a flat form, each a dictionary of what
    follows the number. The numbers must begin with 1 and leave no gap."""
    found = {}
    for name, value in parameters.items():
        if name.startswith(prefix + "."):
            number, _, rest = name[len(prefix) + 1 :].partition(".")
            found.setdefault(number, {})[rest] = value
    numbers = [str(number + 1) for number in range(len(found))]
    if set(numbers) != set(found):
        raise AwsError("MalformedInput", f"{prefix} is not numbered from 1 without gaps.")
    return [found[number] for number in numbers]


def xml(content):
    """XML of a list of (name, text or list of the same)."""
    return "".join(
        f"<{name}>{escape(value) if isinstance(value, str) else xml(value)}</{name}>"
        for name, value in content
    )

# SPDX-License-Identifier: Apache-2.0
"""Verification of request signatures, with botocore doing the arithmetic.

The rules are those of "Signature Version 4 for API requests" in the IAM User
Guide. What the client signed is taken from its SignedHeaders list; what has to
be signed (Host and every X-Amz header) is checked here, because the arithmetic
alone would accept a request that leaves them out.
"""

import hashlib
import hmac
import re
from calendar import timegm
from time import strptime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from .clock import signature_date

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)"
    r"/(?P<service>[^/,\s]+)/aws4_request,\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)

INVALID_TOKEN = "The security token included in the request is invalid."
EXPIRED_TOKEN = "The security token included in the request is expired"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


class Refused(Exception):
    """The request is not let in; condition names the reason for the tables of
    error codes in services.py."""

    def __init__(self, condition, message):
        super().__init__(message)
        self.condition = condition
        self.message = message


class _Recomputed(SigV4Auth):
    """Signs exactly the headers the client said it signed."""

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name.lower()] = value
        return headers


def verify(call, service, credentials, server_ms):
    """Check the signature of a received call for one service.

    Returns the credential and the region of the scope; raises Refused.
    """
    given = call.headers.get("Authorization")
    if given is None:
        raise Refused("no_signature", "Missing Authentication Token")
    parts = AUTHORIZATION.fullmatch(given)
    if parts is None:
        raise Refused("incomplete_signature", "Authorization header is not well formed.")
    _check_scope(call, parts, service)
    _check_time(call.headers["X-Amz-Date"], server_ms, credentials.tolerance_min)
    credential = _check_key(call, parts["key"], credentials, server_ms)
    expected = _signature(call, parts, credential)
    if not hmac.compare_digest(expected, parts["signature"]):
        raise Refused("bad_signature", MISMATCH)
    return credential, parts["region"]


def _check_scope(call, parts, service):
    stamp = call.headers.get("X-Amz-Date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Refused(
            "incomplete_signature",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    if parts["day"] != stamp[:8]:
        raise Refused(
            "bad_signature",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{parts['day']}' != '{stamp[:8]}', from '{stamp}'.",
        )
    if parts["service"] != service:
        raise Refused(
            "bad_signature", f"Credential should be scoped to correct service: '{service}'."
        )
    signed = parts["headers"].split(";")
    if signed != sorted(set(signed)) or parts["headers"] != parts["headers"].lower():
        raise Refused(
            "incomplete_signature", "SignedHeaders is not a sorted list of lower-case names."
        )
    present = {name.lower() for name in call.headers}
    required = {"host"} | {name for name in present if name.startswith("x-amz-")}
    for name in sorted(required - set(signed)):
        raise Refused(
            "bad_signature", f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
        )
    for name in sorted(set(signed) - present):
        raise Refused("bad_signature", f"The signed header '{name}' is not in the request.")


def _check_time(stamp, server_ms, tolerance_min):
    try:
        signed_s = timegm(strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused("incomplete_signature", f"X-Amz-Date '{stamp}' is not a time.") from None
    now = signature_date(server_ms)
    limit_ms = tolerance_min * 60_000
    if signed_s * 1000 < server_ms - limit_ms:
        edge = signature_date(server_ms - limit_ms)
        raise Refused(
            "old_signature",
            f"Signature expired: {stamp} is now earlier than {edge} ({now} - {tolerance_min} min.)",
        )
    if signed_s * 1000 > server_ms + limit_ms:
        edge = signature_date(server_ms + limit_ms)
        raise Refused(
            "early_signature",
            f"Signature not yet current: {stamp} is still later than {edge} "
            f"({now} + {tolerance_min} min.)",
        )


def _check_key(call, access_key, credentials, server_ms):
    credential = credentials.find(access_key)
    if credential is None or call.headers.get("X-Amz-Security-Token") != credential.token:
        raise Refused("unknown_key", INVALID_TOKEN)
    if credential.expires_ms is not None and credential.expires_ms <= server_ms:
        raise Refused("expired_token", EXPIRED_TOKEN)
    return credential


def _signature(call, parts, credential):
    digest = call.headers.get("X-Amz-Content-SHA256")
    if digest is not None and digest != hashlib.sha256(call.body).hexdigest():
        raise Refused(
            "bad_signature", "The provided x-amz-content-sha256 header is not the body's."
        )
    names = parts["headers"].split(";")
    headers = {name: ",".join(call.headers.get_all(name)) for name in names}
    request = AWSRequest(
        method=call.method,
        url=f"http://{call.headers['Host']}{call.target}",
        headers=headers,
        data=call.body,
    )
    request.context["timestamp"] = call.headers["X-Amz-Date"]
    keys = Credentials(credential.access_key, credential.secret, credential.token)
    signer = _Recomputed(keys, parts["service"], parts["region"])
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request)

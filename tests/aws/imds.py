# SPDX-License-Identifier: Apache-2.0
"""The EC2 instance metadata service, version 2 only.

Formats: Amazon EC2 User Guide, "Use the Instance Metadata Service to access
instance metadata" and "Retrieve security credentials from instance metadata".
A request of version 1 (without a token) gets the 401 that an instance with
required tokens gives.
"""

import json
import secrets

from .clock import iso_date
from .credentials import Rotation
from .http_server import Answer
from .services import AwsError, Service

TOKEN_PATH = "/latest/api/token"
ROLES_PATH = "/latest/meta-data/iam/security-credentials/"
REGION_PATH = "/latest/meta-data/placement/region"
LONGEST_TOKEN_S = 21600


class Imds(Service):
    """role is the instance's role name, or None for an instance without one;
    keys hands out its credentials (see credentials.Rotation)."""

    name = "imds"
    path_prefix = "/latest/"

    def __init__(self, aws):
        super().__init__(aws)
        self.role = "tailgate"
        arn = f"arn:aws:sts::{aws.account}:assumed-role/{self.role}/i-0123456789abcdef0"
        self.keys = Rotation(aws.clock, aws.credentials, arn)
        self._tokens = {}

    def identify(self, call):
        if call.path == TOKEN_PATH:
            call.action = "token"
        elif call.path in (ROLES_PATH, ROLES_PATH[:-1]):
            call.action = "role"
        elif call.path.startswith(ROLES_PATH):
            call.action = "credentials"
        elif call.path == REGION_PATH:
            call.action = "region"

    def perform(self, call):
        if call.action == "token":
            return self._token(call)
        if call.method != "GET":
            raise AwsError("", "Method Not Allowed", 405)
        expires_ms = self._tokens.get(call.headers.get("X-aws-ec2-metadata-token"), 0)
        if expires_ms <= self.aws.clock.now_ms():
            raise AwsError("", "Unauthorized", 401)
        if call.action == "region":
            return _text(self.aws.region)
        if self.role is None:
            raise AwsError("", "Not Found", 404)
        if call.action == "role":
            return _text(self.role)
        if call.path == ROLES_PATH + self.role:
            return self._credentials()
        raise AwsError("", "Not Found", 404)

    def _token(self, call):
        if call.method != "PUT":
            raise AwsError("", "Method Not Allowed", 405)
        if "X-Forwarded-For" in call.headers:
            raise AwsError("", "Forbidden", 403)
        lifetime = call.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not lifetime.isdigit() or not 1 <= int(lifetime) <= LONGEST_TOKEN_S:
            raise AwsError("", "Bad Request", 400)
        token = secrets.token_urlsafe(40)
        self._tokens[token] = self.aws.clock.now_ms() + int(lifetime) * 1000
        answer = _text(token)
        answer.headers["X-Aws-Ec2-Metadata-Token-Ttl-Seconds"] = lifetime
        return answer

    def _credentials(self):
        keys = self.keys.current()
        document = {
            "Code": "Success",
            "LastUpdated": iso_date(keys.expires_ms - self.keys.lifetime_s * 1000),
            "Type": "AWS-HMAC",
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret,
            "Token": keys.token,
            "Expiration": iso_date(keys.expires_ms),
        }
        return _text(json.dumps(document, indent=2))


def _text(text):
    return Answer(200, "text/plain", text.encode())

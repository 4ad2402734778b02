# SPDX-License-Identifier: Apache-2.0
"""The credentials endpoint that ECS and EKS put beside a container.

Formats: Amazon ECS Developer Guide, "Amazon ECS task IAM role"; AWS SDKs and
Tools Reference Guide, "Container credential provider".
"""

import json
import secrets

from .clock import iso_date
from .credentials import Rotation
from .http_server import Answer
from .services import AwsError, Service


class Container(Service):
    """token is what the Authorization header has to hold, None for anything; keys
    hands out the credentials (see credentials.Rotation)."""

    name = "container"
    path_prefix = "/v2/credentials/"
    path = "/v2/credentials/tailgate"

    def __init__(self, aws):
        super().__init__(aws)
        self.token = "Bearer " + secrets.token_urlsafe(20)
        self.role_arn = f"arn:aws:iam::{aws.account}:role/tailgate"
        arn = f"arn:aws:sts::{aws.account}:assumed-role/tailgate/task"
        self.keys = Rotation(aws.clock, aws.credentials, arn)

    def identify(self, call):
        call.action = "credentials" if call.path == self.path else None

    def perform(self, call):
        if call.method != "GET":
            raise AwsError("", "Method Not Allowed", 405)
        if call.action is None:
            raise AwsError("", "Not Found", 404)
        if self.token is not None and call.headers.get("Authorization") != self.token:
            raise AwsError("", "Unauthorized", 401)
        keys = self.keys.current()
        document = {
            "RoleArn": self.role_arn,
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret,
            "Token": keys.token,
            "Expiration": iso_date(keys.expires_ms),
        }
        return Answer(200, "application/json", json.dumps(document).encode())

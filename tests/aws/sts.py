# SPDX-License-Identifier: Apache-2.0
"""Security Token Service: who the caller is, and temporary keys for roles.

Formats: AWS Security Token Service API Reference, GetCallerIdentity,
AssumeRole, AssumeRoleWithWebIdentity.
"""

from dataclasses import dataclass

from .clock import iso_date
from .services import AwsError, QueryService


@dataclass
class Role:
    """A role that may be assumed, and what has to be shown for it."""

    external_id: str | None
    web_identity_token: str | None


class Sts(QueryService):
    """Tests register roles with add_role; nobody else's can be assumed."""

    name = "sts"
    version = "2011-06-15"
    namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
    signing_name = "sts"
    permission_prefix = "sts"

    def __init__(self, aws):
        super().__init__(aws)
        self.roles = {}

    def add_role(self, arn, external_id=None, web_identity_token=None):
        """Let arn be assumed by any known caller (with that external id, if one is
        given), or by whoever shows that web identity token."""
        self.roles[arn] = Role(external_id, web_identity_token)

    def needs_signature(self, call):
        return call.action != "AssumeRoleWithWebIdentity"

    def resource(self, call):
        return call.parameters.get("RoleArn", "*")

    def denial(self, call):
        if call.caller is None:
            message = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
            return self.error("access_denied", message)
        return super().denial(call)

    def _get_caller_identity(self, call):
        user_id = "AIDA" + call.caller.access_key[4:]
        arn = call.caller.arn
        return [("Arn", arn), ("UserId", user_id), ("Account", call.caller.account)]

    def _assume_role(self, call):
        role = self.roles.get(self._required(call, "RoleArn"))
        if role is None or role.web_identity_token:
            raise self.denial(call)
        if role.external_id and call.parameters.get("ExternalId") != role.external_id:
            raise self.denial(call)
        return self._session(call)

    def _assume_role_with_web_identity(self, call):
        role = self.roles.get(self._required(call, "RoleArn"))
        token = self._required(call, "WebIdentityToken")
        if role is None or not role.web_identity_token:
            raise self.denial(call)
        if token != role.web_identity_token:
            raise AwsError("InvalidIdentityToken", "The web identity token is not the role's.")
        return self._session(call)

    def _session(self, call):
        role_arn = call.parameters["RoleArn"]
        session = self._required(call, "RoleSessionName")
        lifetime = call.parameters.get("DurationSeconds", "3600")
        if not lifetime.isdigit() or not 900 <= int(lifetime) <= 43200:
            message = f"The requested DurationSeconds {lifetime} is not from 900 to 43200."
            raise self.error("invalid_parameter", message)
        _, _, _, _, account, resource = role_arn.split(":", 5)
        role_name = resource.rpartition("/")[2]
        arn = f"arn:aws:sts::{account}:assumed-role/{role_name}/{session}"
        keys = self.aws.credentials.issue(arn, int(lifetime))
        credentials = [
            ("AccessKeyId", keys.access_key),
            ("SecretAccessKey", keys.secret),
            ("SessionToken", keys.token),
            ("Expiration", iso_date(keys.expires_ms)),
        ]
        user = [("AssumedRoleId", f"AROA{keys.access_key[4:]}:{session}"), ("Arn", arn)]
        return [("Credentials", credentials), ("AssumedRoleUser", user)]

    def _required(self, call, name):
        value = call.parameters.get(name)
        if not value:
            message = (
                f"1 validation error detected: Value null at '{name}' failed to satisfy "
                "constraint: Member must not be null"
            )
            raise self.error("invalid_parameter", message)
        return value

    actions = {
        "GetCallerIdentity": _get_caller_identity,
        "AssumeRole": _assume_role,
        "AssumeRoleWithWebIdentity": _assume_role_with_web_identity,
    }

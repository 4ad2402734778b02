# SPDX-License-Identifier: Apache-2.0
"""The access keys the loopback knows, and the temporary ones it hands out."""

import base64
import secrets
from dataclasses import dataclass


@dataclass
class Credential:
    """One access key and whom it stands for; expires_ms is the loopback clock's."""

    access_key: str
    secret: str
    token: str | None
    expires_ms: int | None
    arn: str

    @property
    def account(self):
        return self.arn.split(":")[4]


class Credentials:
    """Every access key that requests may be signed with, and how many minutes a signature's
    time may be wrong: with a fast clock the way of a request alone may take longer than
    AWS's five."""

    def __init__(self, clock, account):
        self._clock = clock
        self._user = f"arn:aws:iam::{account}:user/tailgate"
        self._known = {}
        self.tolerance_min = 5

    def add(self, access_key, secret, token=None, expires=None, arn=None):
        """Register a key; expires is in milliseconds of the clock. An access key
        that is known already is replaced."""
        credential = Credential(access_key, secret, token, expires, arn or self._user)
        self._known[access_key] = credential
        return credential

    def issue(self, arn, lifetime_s):
        """Make a temporary key with a session token, as STS and IMDS do."""
        access_key = "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode()
        expires_ms = self._clock.now_ms() + int(lifetime_s * 1000)
        token = "IQoJ" + base64.b64encode(secrets.token_bytes(150)).decode()
        return self.add(access_key, secrets.token_urlsafe(30), token, expires_ms, arn)

    def remove(self, access_key):
        del self._known[access_key]

    def find(self, access_key):
        """The credential of that access key, or None."""
        return self._known.get(access_key)


class Rotation:
    """Temporary keys renewed while the old ones still work.

    The metadata service and the container endpoint put fresh keys up some time
    before the old ones expire; here that is when half of the lifetime is over.
    """

    def __init__(self, clock, credentials, arn, lifetime_s=6 * 3600):
        self._clock = clock
        self._credentials = credentials
        self._current = None
        self.arn = arn
        self.lifetime_s = lifetime_s

    def current(self):
        renewal_ms = self._clock.now_ms() + self.lifetime_s * 500
        if self._current is None or self._current.expires_ms < renewal_ms:
            self._current = self._credentials.issue(self.arn, self.lifetime_s)
        return self._current

    def forget(self):
        """Make the next answer hold fresh keys; the old ones stay valid."""
        self._current = None

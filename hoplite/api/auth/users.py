"""Accounts of this server: Basic with a password, Bearer with a token."""

from __future__ import annotations

import base64

from hoplite.api.auth.protocol import Accounts
from hoplite.api.serving.environ import Environ
from hoplite.exceptions import NotAuthenticatedError
from hoplite.model.caller import Caller

TOKEN_PREFIX = "hop_"
"""A Bearer that begins otherwise is the key of a job."""


class UsersAuthenticator:
    """Credentials in the ``Authorization`` header, checked against the account store."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def identify(self, environ: Environ) -> Caller | None:
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() == "basic":
            return self._by_password(given.strip())
        if scheme.lower() == "bearer":
            return self._by_token(given.strip())
        return None

    def challenges(self) -> list[str]:
        return ['Basic realm="hoplite", charset="UTF-8"', 'Bearer realm="hoplite"']

    def _by_password(self, encoded: str) -> Caller:
        # Not werkzeug's Authorization, which raises ValueError for what is not ASCII.
        try:
            name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            colon = ""
        if not colon:
            raise NotAuthenticatedError(
                "the Authorization header is not of the form: Basic base64(user:password)"
            )
        account = self._accounts.verify_password(name, password)
        if account is None:
            raise NotAuthenticatedError("the user name or the password is wrong")
        return Caller(account.name, account.role, "basic")

    def _by_token(self, text: str) -> Caller | None:
        if not text.startswith(TOKEN_PREFIX):
            return None
        account = self._accounts.verify_token(text)
        if account is None:
            raise NotAuthenticatedError("the token is wrong, revoked or expired")
        return Caller(account.name, account.role, "token")

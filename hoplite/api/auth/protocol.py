"""What identifies callers, and what that needs.

An implementation of :class:`Authenticator` passes ``tests/conformance/test_authenticator.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hoplite.api.serving.environ import Environ
from hoplite.model.caller import Caller, Role


class Authenticator(Protocol):
    """One way to know who asks.  Called from many threads at once."""

    def identify(self, environ: Environ) -> Caller | None:
        """Who asks; None if this way does not tell.

        Raises :class:`~hoplite.exceptions.NotAuthenticatedError` for credentials that are wrong,
        so that no other way is tried after them.  Changes nothing in ``environ``.
        """
        ...

    def challenges(self) -> list[str]:
        """What ``WWW-Authenticate`` offers to those whom nobody knows."""
        ...


class Account(Protocol):
    """Somebody whom the account store knows."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> Role: ...


class Accounts(Protocol):
    """The account store, as much as is needed here.  None: wrong, expired or unknown."""

    def verify_password(self, name: str, password: str) -> Account | None: ...

    def verify_token(self, text: str) -> Account | None: ...


class AuthSettings(Protocol):
    """The settings that are read here; ``hoplite.settings.Settings`` has them."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def allowed_hosts(self) -> Sequence[str]: ...
    @property
    def auth(self) -> Sequence[str]: ...
    @property
    def behind_proxy(self) -> Sequence[str]: ...
    @property
    def proxy_user_header(self) -> str: ...
    @property
    def proxy_admins(self) -> Sequence[str]: ...
    @property
    def admins(self) -> Sequence[str]: ...
    @property
    def submitters(self) -> Sequence[str]: ...

"""What the store tells of users and tokens.  None of it is secret but ``NewToken.text``."""

from __future__ import annotations

import re

import msgspec

from hoplite.exceptions import InvalidFieldError
from hoplite.model.caller import Role

_NAME = re.compile(r"[a-z_][a-z0-9_.@-]{0,63}")
MIN_PASSWORD = 8
MAX_PASSWORD = 1024


class Account(msgspec.Struct, frozen=True):
    """Who showed a right password or token."""

    name: str
    role: Role


class User(msgspec.Struct, frozen=True):
    """A user.  ``created_at``: seconds since 1970."""

    name: str
    role: Role
    created_at: float


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token without its secret.  Times are seconds since 1970."""

    id: int
    user: str
    label: str
    created_at: float
    expires_at: float | None
    """None: never."""
    last_used_at: float | None
    """Up to an hour old; None: not used yet."""


class NewToken(msgspec.Struct, frozen=True):
    """A token just made.  ``text`` is the secret: it is kept nowhere and cannot be told again."""

    token: Token
    text: str

    def __repr__(self) -> str:
        return f"NewToken({self.token!r}, text=…)"


def can_be_password(text: str) -> bool:
    """Whether any user could have it.  Lone surrogates, which some decoders make of bytes that are
    not UTF-8, are no text."""
    return len(text) <= MAX_PASSWORD and not any("\ud800" <= each <= "\udfff" for each in text)


def can_be_name(text: str) -> bool:
    """Whether any user could be called so."""
    return _NAME.fullmatch(text) is not None


def checked_name(name: str) -> str:
    """``name``, if a user may be called so; raises InvalidFieldError."""
    if not can_be_name(name):
        raise InvalidFieldError(
            f"{name[:80]!r} is not a user name: up to 64 of a-z, 0-9 and _ . @ -, and first a "
            "letter or _",
            field="name",
        )
    return name


def checked_role(role: str) -> Role:
    """The role of this name; raises InvalidFieldError."""
    try:
        return Role(role)
    except ValueError:
        raise InvalidFieldError(
            f"{role!r} is not a role: {', '.join(Role)} are", field="role"
        ) from None


def checked_password(password: str) -> str:
    """``password``, if it is one; raises InvalidFieldError, which does not repeat it."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidFieldError(
            f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters, this one {len(password)}",
            field="password",
        )
    if not can_be_password(password):
        raise InvalidFieldError("the password is not UTF-8 text", field="password")
    return password

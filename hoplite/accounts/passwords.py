"""Passwords: hashed by argon2id, which costs 64 MiB and some 50 ms each time, on purpose."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time

import argon2
import msgspec

from hoplite.accounts.records import Account
from hoplite.exceptions import UnavailableError

_REMEMBER_S = 60.0
_AT_ONCE = 2
_PATIENCE_S = 10.0

_places = threading.BoundedSemaphore(_AT_ONCE)
_argon2id = argon2.PasswordHasher()


def _hash_that_nothing_has() -> str:
    # Made up rather than computed, so that the first unknown user takes no longer than the next.
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_argon2id.salt_len, _argon2id.hash_len)
    )
    costs = f"m={_argon2id.memory_cost},t={_argon2id.time_cost},p={_argon2id.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


_nobodys_hash = _hash_that_nothing_has()


def hash_password(password: str) -> str:
    """The argon2id hash, with its parameters and salt."""
    return _argon2id.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed; for None the same work is done in vain.

    At most two are computed at once, so that a flood of logins leaves the machine to the jobs; who
    waits longer than ten seconds for a place gets UnavailableError.
    """
    if not _places.acquire(timeout=_PATIENCE_S):
        raise UnavailableError("too many passwords are being checked; try again, or use a token")
    try:
        _argon2id.verify(password_hash or _nobodys_hash, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    finally:
        _places.release()
    return password_hash is not None


class _Remembered(msgspec.Struct, frozen=True):
    mac: bytes
    account: Account
    until: float


class VerifiedPasswords:
    """Passwords that were right within the last minute, as MACs under a key of this process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._by_name: dict[str, _Remembered] = {}

    def get(self, name: str, password: str) -> Account | None:
        found = self._by_name.get(name)
        if found is None or found.until < time.monotonic():
            return None
        return found.account if hmac.compare_digest(found.mac, self._mac(password)) else None

    def put(self, account: Account, password: str) -> None:
        self._by_name[account.name] = _Remembered(
            self._mac(password), account, time.monotonic() + _REMEMBER_S
        )

    def clear(self) -> None:
        self._by_name.clear()

    def _mac(self, password: str) -> bytes:
        return hmac.digest(self._key, password.encode(), hashlib.sha256)

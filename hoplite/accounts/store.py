"""The store of users and tokens, which the command line changes while the server reads it."""

from __future__ import annotations

import contextlib
import hmac
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from hoplite.accounts import tokens
from hoplite.accounts.database import open_database, storage_errors, transaction
from hoplite.accounts.passwords import VerifiedPasswords, hash_password, matches
from hoplite.accounts.records import (
    Account,
    NewToken,
    Token,
    User,
    can_be_name,
    can_be_password,
    checked_name,
    checked_password,
    checked_role,
)
from hoplite.exceptions import InvalidFieldError, NotFoundError
from hoplite.model.caller import Role

_USE_IS_NOTED_EVERY_S = 3600.0
_TOKENS_IN_MEMORY = 10_000
_NO_HASH = bytes(32)


class _KnownToken(msgspec.Struct, frozen=True):
    hash: bytes
    account: Account
    expires_at: float | None
    note_use_at: float


class AccountStore:
    """Users and tokens in one SQLite file.  All methods may be called from any thread.

    What another process changes counts from the next call on.  Every method may raise
    :class:`~hoplite.exceptions.StorageUnavailableError`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection = open_database(path)
        self._passwords = VerifiedPasswords()
        self._tokens: dict[int, _KnownToken] = {}
        self._seen_version = self._data_version()

    def add_user(self, name: str, role: Role | str, password: str) -> User:
        """A new user; raises InvalidFieldError if a part is not allowed or the name is taken."""
        user = User(checked_name(name), checked_role(role), time.time())
        password_hash = hash_password(checked_password(password))
        with self._writing() as connection:
            try:
                connection.execute(
                    "INSERT INTO users VALUES (?, ?, ?, ?)",
                    (user.name, user.role.value, password_hash, user.created_at),
                )
            except sqlite3.IntegrityError:
                raise InvalidFieldError(
                    f"the user {name} exists already: change the password with "
                    f"`hoplite-server user passwd {name}`, or remove the user first",
                    field="name",
                ) from None
        return user

    def set_password(self, name: str, password: str) -> None:
        """Raises NotFoundError.  The user's tokens stay."""
        password_hash = hash_password(checked_password(password))
        with self._writing() as connection:
            changed = connection.execute(
                "UPDATE users SET password_hash = ? WHERE name = ?", (password_hash, name)
            )
            _one(changed, _no_user(name))

    def remove_user(self, name: str) -> None:
        """Remove the user and the user's tokens; raises NotFoundError."""
        with self._writing() as connection:
            removed = connection.execute("DELETE FROM users WHERE name = ?", (name,))
            _one(removed, _no_user(name))

    def users(self) -> list[User]:
        """All users, by name."""
        rows = self._rows("SELECT name, role, created_at FROM users ORDER BY name")
        return [User(name, Role(role), created_at) for name, role, created_at in rows]

    def create_token(self, user: str, expires_at: float | None = None, label: str = "") -> NewToken:
        """A new token with the user's rights; raises NotFoundError, InvalidFieldError."""
        now = time.time()
        if expires_at is not None and expires_at <= now:
            raise InvalidFieldError("a token must expire in the future", field="expires")
        secret = tokens.new_secret()
        with self._writing() as connection:
            try:
                added = connection.execute(
                    "INSERT INTO tokens (user, hash, label, created_at, expires_at)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (user, tokens.secret_hash(secret), label, now, expires_at),
                )
            except sqlite3.IntegrityError:
                raise _no_user(user) from None
            token_id = added.lastrowid
        assert token_id is not None
        token = Token(
            id=token_id,
            user=user,
            label=label,
            created_at=now,
            expires_at=expires_at,
            last_used_at=None,
        )
        return NewToken(token, tokens.token_text(token_id, secret))

    def revoke_token(self, token_id: int) -> None:
        """Raises NotFoundError."""
        with self._writing() as connection:
            removed = connection.execute("DELETE FROM tokens WHERE id = ?", (token_id,))
            _one(removed, NotFoundError(f"there is no token {token_id}: see `token list`"))

    def tokens(self) -> list[Token]:
        """All tokens, expired ones too, by id."""
        rows = self._rows(
            "SELECT id, user, label, created_at, expires_at, last_used_at FROM tokens ORDER BY id"
        )
        names = Token.__struct_fields__
        return [Token(**dict(zip(names, row, strict=True))) for row in rows]

    def verify_password(self, name: str, password: str) -> Account | None:
        """Who this is; None: nobody, after the same time whether the user exists or not.

        Raises UnavailableError when too many passwords are being checked.
        """
        if not can_be_password(password):
            return None
        # No user has the empty name, and to look for it takes as long.
        name = name if can_be_name(name) else ""
        with self._reading():
            known = self._passwords.get(name, password)
            if known is not None:
                return known
            row = self._connection.execute(
                "SELECT password_hash, role FROM users WHERE name = ?", (name,)
            ).fetchone()
        if not matches(row and row[0], password):
            return None
        account = Account(name, Role(row[1]))
        with self._reading():
            # The user may have gone, or got another password, while argon2 was at work.
            if self._connection.execute(
                "SELECT 1 FROM users WHERE name = ? AND password_hash = ? AND role = ?",
                (name, *row),
            ).fetchone():
                self._passwords.put(account, password)
                return account
        return None

    def verify_token(self, text: str) -> Account | None:
        """Who shows this token; None: it is wrong, expired or revoked."""
        found = tokens.parsed(text)
        if found is None:
            return None
        token_id, secret = found
        shown, now = tokens.secret_hash(secret), time.time()
        with self._reading():
            known = self._tokens.get(token_id) or self._look_up(token_id)
            if not hmac.compare_digest(known.hash if known else _NO_HASH, shown) or known is None:
                return None
            if known.expires_at is not None and known.expires_at <= now:
                return None
            if known.note_use_at <= now:
                self._note_use(token_id, known, now)
        return known.account

    def close(self) -> None:
        """May be called twice."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> AccountStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _look_up(self, token_id: int) -> _KnownToken | None:
        row = self._connection.execute(
            "SELECT hash, user, role, expires_at, last_used_at"
            " FROM tokens JOIN users ON users.name = tokens.user WHERE id = ?",
            (token_id,),
        ).fetchone()
        if row is None:
            return None
        token_hash, user, role, expires_at, last_used_at = row
        note_use_at = (last_used_at or 0.0) + _USE_IS_NOTED_EVERY_S
        known = _KnownToken(token_hash, Account(user, Role(role)), expires_at, note_use_at)
        if len(self._tokens) >= _TOKENS_IN_MEMORY:
            self._tokens.clear()
        self._tokens[token_id] = known
        return known

    def _note_use(self, token_id: int, known: _KnownToken, now: float) -> None:
        self._tokens[token_id] = msgspec.structs.replace(
            known, note_use_at=now + _USE_IS_NOTED_EVERY_S
        )
        # Nobody is kept out because the disk is full or the file is being changed.
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute(
                "UPDATE tokens SET last_used_at = ? WHERE id = ?", (now, token_id)
            )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """What is remembered is true inside: it is dropped when another process has written."""
        with self._lock, storage_errors(self.path):
            version = self._data_version()
            if version != self._seen_version:
                self._forget()
                self._seen_version = version
            yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, storage_errors(self.path):
            try:
                with transaction(self._connection):
                    yield self._connection
            finally:
                self._forget()

    def _forget(self) -> None:
        self._passwords.clear()
        self._tokens.clear()

    def _rows(self, query: str) -> list[Any]:
        with self._reading():
            return self._connection.execute(query).fetchall()

    def _data_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version


def _no_user(name: str) -> NotFoundError:
    return NotFoundError(f"there is no user {name}: see `hoplite-server user list`")


def _one(changed: sqlite3.Cursor, otherwise: NotFoundError) -> None:
    if changed.rowcount != 1:
        raise otherwise

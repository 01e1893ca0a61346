"""The file of the accounts: its tables, and how they came to be."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hoplite.data_directory import give_to_owner_of
from hoplite.exceptions import StorageFullError, StorageUnavailableError

APPLICATION_ID = 0x484F5041
"""``HOPA``, in the file's header: what tells it from other programs' databases."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE users (
            name TEXT PRIMARY KEY,
            role TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            created_at REAL NOT NULL
        ) STRICT, WITHOUT ROWID""",
        # AUTOINCREMENT: the id of a revoked token must not come back for another.
        """CREATE TABLE tokens (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
            hash BLOB NOT NULL,
            label TEXT NOT NULL,
            created_at REAL NOT NULL,
            expires_at REAL,
            last_used_at REAL
        ) STRICT""",
        "CREATE INDEX tokens_by_user ON tokens (user)",
    ),
)
SCHEMA_VERSION = len(MIGRATIONS)


def open_database(path: Path) -> sqlite3.Connection:
    """A connection to the file, made (0600) or brought up to date if need be.

    It may be used from any thread, by one at a time.  Raises StorageUnavailableError.
    """
    with storage_errors(path):
        _make_file(path)
        connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        with storage_errors(path):
            schema_version(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Failures of the file as errors of the product."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise StorageFullError(f"no space is left for the accounts {path}") from error
        raise StorageUnavailableError(f"the accounts {path} cannot be used: {error}") from error


def _make_file(path: Path) -> None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    os.close(fd)
    # SQLite gives its -wal and -shm files the mode and the owner of the file itself.
    give_to_owner_of(path.parent, path)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    with transaction(connection):
        version = schema_version(connection, path)
        if version == SCHEMA_VERSION:
            return
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the file's tables, 0 if it is empty; raises StorageUnavailableError if it is
    not ours, or newer than this program."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (owner or version or tables):
        raise StorageUnavailableError(f"{path} is a database of another program")
    if version > SCHEMA_VERSION:
        raise StorageUnavailableError(
            f"the accounts {path} have schema version {version}, written by a newer hoplite; this "
            f"one knows up to {SCHEMA_VERSION}: upgrade hoplite"
        )
    return version

"""The journal's file: whose it is, which version, and how it comes to the newest."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from hoplite.exceptions import StorageUnavailableError

APPLICATION_ID = 0x484F504C
"""``HOPL``, in the file's header: what ``file(1)`` and :func:`prepare` tell a journal by."""


class Migration(NamedTuple):
    """``sql`` takes a journal of version ``number - 1`` to ``number``."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """The package's migrations, in order, numbered from 1 without a gap."""
    directory = resources.files("hoplite.journal").joinpath("migrations")
    found = []
    for file in directory.iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    found.sort()
    numbers = [migration.number for migration in found]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise StorageUnavailableError(
            f"This installation of hoplite is broken: its journal migrations are {numbers}, not"
            " 1, 2, 3 …; install it again"
        )
    return found


def prepare(
    connection: sqlite3.Connection, path: Path, steps: Sequence[Migration] | None = None
) -> None:
    """Bring the file to the newest version, making it if it is empty.

    Raises :class:`StorageUnavailableError`, and leaves the file as it was, if it is not a journal,
    if a newer hoplite wrote it, or if a migration fails.
    """
    steps = migrations() if steps is None else steps
    newest = steps[-1].number
    version = _version(connection, path)
    if version > newest:
        raise StorageUnavailableError(
            f"{path} is a journal of version {version}, written by a newer hoplite; this one reads"
            f" up to version {newest}: install the newer hoplite again or name another data"
            " directory"
        )
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StorageUnavailableError(
            f"{path} cannot be kept in WAL mode (its file system has no shared memory): name a data"
            " directory on a local disk"
        )
    for step in steps[version:]:
        _apply(connection, path, step)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The file's version, 0 if it is empty."""
    try:
        owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise StorageUnavailableError(
            f"{path} is not a journal of hoplite (not even a database): name another data directory"
        ) from None
    if owner != APPLICATION_ID and not (owner == 0 and version == 0 and empty):
        raise StorageUnavailableError(
            f"{path} is a database of another program: name another data directory"
        )
    return version


def _apply(connection: sqlite3.Connection, path: Path, step: Migration) -> None:
    script = (
        f"BEGIN IMMEDIATE;\n{step.sql}\nPRAGMA application_id = {APPLICATION_ID};\n"
        f"PRAGMA user_version = {step.number};\nCOMMIT;"
    )
    try:
        connection.executescript(script)
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        raise StorageUnavailableError(
            f"Migration {step.number} ({step.name}) of {path} failed, which is as it was before:"
            f" {error}"
        ) from error

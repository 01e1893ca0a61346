"""Connections to the journal's file: the one that writes, and a few that read."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from pathlib import Path
from typing import Any

from hoplite.exceptions import StorageUnavailableError
from hoplite.journal.schema import prepare
from hoplite.journal.status_sets import prepare_status_sets
from hoplite.journal.storage_errors import storage_error

MAX_READERS = 8

_BUSY_TIMEOUT_S = 5.0
_WRITER_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    # 16 MB: larger batches cost fewer fsyncs of the main file; a start reads that back in a blink.
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16384",
    "PRAGMA temp_store = MEMORY",
)
_READER_PRAGMAS = (
    "PRAGMA query_only = ON",
    "PRAGMA cache_size = -4096",
    "PRAGMA temp_store = MEMORY",
)


def _connect(path: Path) -> sqlite3.Connection:
    """A connection to a file that exists; sqlite's default would make an empty one."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _make(path: Path) -> None:
    """An empty file for its owner only (jobs' configs may be confidential), and its name on disk."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    if hasattr(os, "O_DIRECTORY"):
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def open_writer(path: Path) -> sqlite3.Connection:
    """The file is made or migrated as needed.

    Raises :class:`StorageFullError` or :class:`StorageUnavailableError`.
    """
    connection = None
    try:
        _make(path)
        connection = _connect(path)
        prepare(connection, path)
        for pragma in _WRITER_PRAGMAS:
            connection.execute(pragma).close()
        prepare_status_sets(connection)
        # A read-only file opens without complaint; taking the write lock tells.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except Exception as error:
        if connection is not None:
            connection.close()
        meaning = storage_error(error, path)
        if meaning is None or meaning is error:
            raise
        raise meaning from error
    return connection


class Readers:
    """Up to :data:`MAX_READERS` connections, the last used first, for any number of threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._room = threading.BoundedSemaphore(MAX_READERS)
        self._closed = False

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, as of the last commit.

        Raises :class:`StorageUnavailableError`.
        """
        with self._room:
            connection = self._take()
            try:
                found = connection.execute(sql, values).fetchall()
            except BaseException as error:
                connection.close()
                meaning = storage_error(error, self._path)
                if meaning is None:
                    raise
                raise meaning from error
            self._give_back(connection)
            return found

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise StorageUnavailableError(f"{self._path}: the journal is closed")
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            connection = _connect(self._path)
            for pragma in _READER_PRAGMAS:
                connection.execute(pragma).close()
        except sqlite3.Error as error:
            raise storage_error(error, self._path) or error from error
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        self._idle.append(connection)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Reads under way finish; later ones are refused."""
        self._closed = True
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

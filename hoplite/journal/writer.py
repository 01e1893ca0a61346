"""Writes batches of tickets, each batch in one transaction."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from hoplite.crashpoints import crash_point
from hoplite.exceptions import HopliteError, StorageUnavailableError
from hoplite.journal.changes import Changes, ConflictingChange, TimelineEnd
from hoplite.journal.connections import open_writer
from hoplite.journal.group_commit import Ticket
from hoplite.journal.protocol import StatusSet
from hoplite.journal.storage_errors import storage_error

log = structlog.get_logger("hoplite.journal")

Committed = Callable[[Changes, float, int], None]
"""Hears of each commit before its callers do: what it wrote, seconds it took, its tickets."""


class Writer:
    """The one connection that writes."""

    def __init__(self, path: Path, committed: Committed) -> None:
        self._path = path
        self._committed = committed
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = open_writer(path)
        self._end = TimelineEnd(self._connection)
        self._file = self._file_now()
        self._closed = False
        self._failures = 0

    def write(self, tickets: Sequence[Ticket]) -> None:
        """Settle each ticket.  One that is refused takes no other down with it."""
        with self._lock:
            try:
                self._write_together(tickets)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is for who holds the ticket
                self._undo()
                self._settle(tickets, error)
            except BaseException:
                self._undo()
                raise

    def close(self) -> None:
        """A write under way finishes first.  May be called twice."""
        with self._lock:
            self._closed = True
            self._drop()

    def _settle(self, tickets: Sequence[Ticket], error: Exception) -> None:
        meaning = storage_error(error, self._path)
        if meaning is not None:
            self._fail(tickets, meaning, error)
        elif len(tickets) == 1:
            tickets[0].settle(_refusal(error))
        else:
            for ticket in tickets:
                self.write([ticket])

    def _write_together(self, tickets: Sequence[Ticket]) -> None:
        began = time.perf_counter()
        connection = self._open()
        changes = Changes(connection, self._end)
        statuses = _only_statuses(tickets)
        if statuses is None:
            connection.execute("BEGIN IMMEDIATE")
            for ticket in tickets:
                for change in ticket.changes:
                    changes.apply(change)
            crash_point("journal.before_commit")
            connection.execute("COMMIT")
        else:
            crash_point("journal.before_commit")
            changes.set_statuses(statuses)
        crash_point("journal.after_commit")
        changes.committed()
        self._failures = 0
        for ticket in tickets:
            ticket.settle()
        self._committed(changes, time.perf_counter() - began, len(tickets))

    def _open(self) -> sqlite3.Connection:
        if self._closed:
            raise StorageUnavailableError(f"{self._path}: the journal is closed")
        if self._connection is not None and self._file_now() != self._file:
            # What goes to a file that has no name any more is lost with the process.
            self._drop()
            raise StorageUnavailableError(
                f"{self._path} was removed or replaced while the server runs: put it back or"
                " restart the server"
            )
        if self._connection is None:
            self._reopen()
        assert self._connection is not None
        return self._connection

    def _reopen(self) -> None:
        if self._file_now() != self._file:
            raise StorageUnavailableError(
                f"{self._path} is not the file that the server began with: put it back or restart"
                " the server"
            )
        self._connection = open_writer(self._path)
        self._end = TimelineEnd(self._connection)

    def _file_now(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _undo(self) -> None:
        """Roll back; a connection that cannot is opened anew by the next write."""
        if self._connection is None:
            return
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.warning("rollback failed, the journal will be reopened", error=str(error))
            self._drop()

    def _fail(self, tickets: Sequence[Ticket], meaning: HopliteError, error: Exception) -> None:
        log.error("commit failed", error=str(meaning), cause=str(error), tickets=len(tickets))
        # Not at the first failure: opening anew reads back what an fsync that failed left in the
        # WAL, though its callers were told that nothing was kept.  The connection that is open
        # writes over it.
        self._failures += 1
        if self._failures > 1 and not _is_full(error):
            self._drop()
        for ticket in tickets:
            ticket.settle(_copy(meaning, error))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                log.warning("closing the journal's file failed", error=str(error))


def _only_statuses(tickets: Sequence[Ticket]) -> list[StatusSet] | None:
    """What there is to write if it is nothing else, as mostly when jobs report: one statement is the
    whole transaction then."""
    statuses = []
    for ticket in tickets:
        for change in ticket.changes:
            if not isinstance(change, StatusSet):
                return None
            statuses.append(change)
    return statuses


def _is_full(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _copy(meaning: HopliteError, cause: Exception) -> HopliteError:
    """An exception of its own for each caller: raising one in many threads mixes their traces."""
    copy = type(meaning)(f"{meaning.message}; nothing of the request was kept")
    copy.__cause__ = cause
    return copy


def _refusal(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    refusal = ConflictingChange(f"the journal refused the change: {error}")
    refusal.__cause__ = error
    return refusal

"""Statuses of jobs, each written by one statement, or many by one.

Every call of SQLite lets another thread have the interpreter, and may wait for it to be given back:
what the jobs that report cost is the number of calls.  So a view takes a status, and a trigger of the
writer's own connection does with it what is to be done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from hoplite.journal.protocol import StatusSet
from hoplite.journal.rows import Row, entry_values

_COLUMNS = (
    "seq", "job_id", "uuid", "owner", "at", "what", "who", "version", "detail",
    "progress", "status", "replaced",
)  # fmt: skip
_ENTRY = _COLUMNS[:9]

_VIEW = f"CREATE TEMP VIEW status_sets AS SELECT {', '.join(f'NULL AS {c}' for c in _COLUMNS)}"
_TRIGGER = f"""
CREATE TEMP TRIGGER status_set INSTEAD OF INSERT ON status_sets BEGIN
    UPDATE jobs SET version = new.version, progress = new.progress, status = new.status
    WHERE id = new.job_id;
    SELECT RAISE(ABORT, 'a status is of no job') WHERE changes() = 0;
    UPDATE timeline SET seq = new.seq, at = new.at, version = new.version, detail = new.detail
    WHERE seq = new.replaced;
    INSERT INTO timeline ({", ".join(_ENTRY)}) SELECT {", ".join(f"new.{c}" for c in _ENTRY)}
    WHERE new.replaced IS NULL;
END
"""
_VALUES = f"({', '.join('?' * len(_COLUMNS))})"


def prepare_status_sets(connection: sqlite3.Connection) -> None:
    """Call once on a connection that writes."""
    connection.execute(_VIEW)
    connection.execute(_TRIGGER)


def insert_sql(count: int) -> str:
    """Sets that many statuses; a transaction of its own where none is open."""
    return f"INSERT INTO status_sets VALUES {', '.join([_VALUES] * count)}"


def insert_values(numbered: Sequence[tuple[StatusSet, int | None]]) -> Row:
    """For :func:`insert_sql`: statuses whose entries have their ``seq``, each with the ``seq`` of the
    entry whose place its own takes."""
    values: list[object] = []
    for change, replaced in numbered:
        job = change.job
        values += entry_values(change.entry)
        values += (
            None if job.progress is None else bytes(job.progress),
            bytes(job.status),
            replaced,
        )
    return tuple(values)

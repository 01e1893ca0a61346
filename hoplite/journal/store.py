"""The journal on SQLite: see :mod:`hoplite.journal.protocol` for what it promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import structlog

from hoplite.journal import resource_rows, rows, rule_rows
from hoplite.journal.accounting_rows import read_consumption
from hoplite.journal.changes import (
    Changes,
    Checked,
    ConsumptionExpired,
    KeysExpired,
    ResourceEntriesExpired,
)
from hoplite.journal.connections import Readers
from hoplite.journal.ended_jobs import EndedJobs
from hoplite.journal.ended_pages import json_ids, read_ended
from hoplite.journal.group_commit import GroupCommit
from hoplite.journal.paging import MAX_ROWS_PER_PAGE_SCAN, read_page
from hoplite.journal.protocol import Change, Ended, EndedPage, Jobs, KeyUsed, Page, Tombstone
from hoplite.journal.writer import Writer
from hoplite.model.accounting import Consumption, window_at
from hoplite.model.admission_rule import AdmissionRule
from hoplite.model.job import Job
from hoplite.model.lifecycle import ENDED, LIVE
from hoplite.model.resource import Resource
from hoplite.model.resource_property import Property
from hoplite.model.timeline import NO_JOB, Entry

log = structlog.get_logger("hoplite.journal")

_LIVE = ", ".join(f"'{state.value}'" for state in sorted(LIVE))
_ENDED = ", ".join(f"'{state.value}'" for state in sorted(ENDED))


class SqliteJournal:
    """A journal in the file ``path``, made if it does not exist (its directory must).

    A page that is asked for by several filters looks at no more than ``max_rows_per_page_scan``
    jobs.  ``on_commit_time`` gets the seconds that each write took and how many commits shared it.
    Listeners and ``on_commit_time`` are called before ``commit`` returns and must not commit.

    Raises :class:`~hoplite.exceptions.StorageUnavailableError` if the file is not a journal, is of
    a newer version or cannot be written, :class:`~hoplite.exceptions.StorageFullError` if there is
    no room to make it.
    """

    def __init__(self, path: Path, *, max_rows_per_page_scan: int = MAX_ROWS_PER_PAGE_SCAN) -> None:
        self.path = path
        self.on_commit_time: Callable[[float, int], None] | None = None
        self._max_rows_per_page_scan = max_rows_per_page_scan
        self._listeners: list[Callable[[Sequence[Entry]], None]] = []
        self._ended_jobs = EndedJobs()
        self._writer = Writer(path, self._committed)
        self._group = GroupCommit(self._writer.write)
        self._readers = Readers(path)

    def commit(self, *changes: Change) -> None:
        """Beside the errors of storage it raises :class:`ConflictingChange` for what cannot follow
        what is kept: an id, uuid or Idempotency-Key in use, a change of a job that is not there."""
        if changes:
            self._group.commit(changes)

    def on_entries(self, heard: Callable[[Sequence[Entry]], None]) -> None:
        self._listeners.append(heard)

    def check(self) -> None:
        self._group.commit((Checked(time.time()),))

    def forget_keys(self, before: float) -> None:
        if self._readers.rows("SELECT 1 FROM idempotency_keys WHERE at < ? LIMIT 1", (before,)):
            self._group.commit((KeysExpired(before),))

    def last_ids(self) -> tuple[int, int]:
        found = self._readers.rows("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'")
        return found[0][0] if found else 0, self._readers.rows(rows.LAST_SEQ)[0][0]

    def live_jobs(self) -> list[Job]:
        sql = f"{rows.SELECT_JOBS} INDEXED BY jobs_by_state WHERE state IN ({_LIVE}) ORDER BY id"
        return [rows.job_of(row) for row in self._readers.rows(sql)]

    def job(self, ref: int | str) -> Job | None:
        known = self._ended_jobs.get(ref)
        if known is not None:
            return known
        condition = rows.ref_condition(ref, "id")
        if condition is None:
            return None
        mark = self._ended_jobs.mark()
        where, value = condition
        found = self._readers.rows(f"{rows.SELECT_JOBS} WHERE {where}", (value,))
        if not found:
            return None
        job = rows.job_of(found[0])
        self._ended_jobs.keep(job, mark)
        return job

    def array(self, array_id: int) -> list[Job]:
        sql = (
            f"{rows.SELECT_JOBS} WHERE id IN (SELECT job_id FROM batch_jobs WHERE array_id = ?)"
            " ORDER BY id"
        )
        return [rows.job_of(row) for row in self._readers.rows(sql, (array_id,))]

    def array_ids(self, array_id: int) -> frozenset[int]:
        sql = (
            "SELECT job_id FROM batch_jobs WHERE array_id = ? UNION SELECT id FROM jobs"
            " WHERE id = ? AND NOT EXISTS (SELECT 1 FROM batch_jobs WHERE job_id = jobs.id)"
        )
        return frozenset(job_id for (job_id,) in self._readers.rows(sql, (array_id, array_id)))

    def jobs(self, ids: Collection[int]) -> list[Job]:
        sql = f"{rows.SELECT_JOBS} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return [rows.job_of(row) for row in self._readers.rows(sql, (json_ids(ids),))]

    def ended(self, which: Ended, *, offset: int = 0, limit: int | None = None) -> EndedPage:
        return read_ended(self._readers.rows, which, offset, limit)

    def tombstone(self, ref: int | str) -> Tombstone | None:
        condition = rows.ref_condition(ref, "job_id")
        if condition is None:
            return None
        where, value = condition
        found = self._readers.rows(f"{rows.SELECT_TOMBSTONES} WHERE {where}", (value,))
        return rows.tombstone_of(found[0]) if found else None

    def page(self, page: Page) -> Jobs:
        return read_page(self._readers.rows, page, self._max_rows_per_page_scan)

    def entries(self, *, after: int, job_id: int | None, limit: int) -> list[Entry]:
        after = min(after, rows.MAX_INTEGER)
        of_job: tuple[int, ...]
        if job_id is None:
            where, of_job = "WHERE", ()
        else:
            where, of_job = "INDEXED BY timeline_by_job WHERE job_id = ? AND", (job_id,)
        sql = f"{rows.SELECT_ENTRIES} {where} seq > ? ORDER BY seq LIMIT ?"
        return [rows.entry_of(row) for row in self._readers.rows(sql, (*of_job, after, limit))]

    def entries_of(self, job_ids: Collection[int]) -> list[Entry]:
        sql = (
            f"{rows.SELECT_ENTRIES} WHERE job_id IN (SELECT value FROM json_each(?))"
            " AND what <> 'status' ORDER BY seq"
        )
        return [rows.entry_of(row) for row in self._readers.rows(sql, (json_ids(job_ids),))]

    def key_used(self, owner: str, key: str) -> KeyUsed | None:
        sql = f"{rows.SELECT_KEYS} WHERE owner = ? AND key = ?"
        found = self._readers.rows(sql, (owner, key))
        return rows.key_of(found[0]) if found else None

    def resources(self) -> list[Resource]:
        found = self._readers.rows(resource_rows.SELECT_RESOURCES)
        return [resource_rows.resource_of(row) for row in found]

    def properties(self) -> list[Property]:
        found = self._readers.rows(resource_rows.SELECT_PROPERTIES)
        return [resource_rows.property_of(row) for row in found]

    def last_resource_id(self) -> int:
        found = self._readers.rows("SELECT seq FROM sqlite_sequence WHERE name = 'resources'")
        return found[0][0] if found else 0

    def consumption(
        self, since: float, until: float, owner: str | None = None
    ) -> list[Consumption]:
        return read_consumption(self._readers.rows, since, until, owner)

    def forget_consumption(self, before: float) -> None:
        window = window_at(before)
        if self._readers.rows("SELECT 1 FROM accounting WHERE window < ? LIMIT 1", (window,)):
            self._group.commit((ConsumptionExpired(window),))

    def rules(self) -> list[AdmissionRule]:
        return [rule_rows.rule_of(row) for row in self._readers.rows(rule_rows.SELECT_RULES)]

    def rule_versions(self, rule_id: int) -> list[AdmissionRule]:
        rule_id = min(rule_id, rows.MAX_INTEGER)
        found = self._readers.rows(rule_rows.SELECT_VERSIONS, (rule_id,))
        return [rule_rows.rule_of(row) for row in found]

    def last_rule_id(self) -> int:
        last: int = self._readers.rows(rule_rows.LAST_RULE)[0][0]
        return last

    def forget_resource_entries(self, before: float) -> None:
        sql = "SELECT 1 FROM timeline WHERE job_id = ? AND at < ? LIMIT 1"
        if self._readers.rows(sql, (NO_JOB, before)):
            self._group.commit((ResourceEntriesExpired(before),))

    def ended_before(self, at: float, limit: int) -> list[int]:
        sql = (
            "SELECT id FROM jobs INDEXED BY jobs_by_finished_at"
            " WHERE finished_at IS NOT NULL AND finished_at < ? ORDER BY finished_at, id LIMIT ?"
        )
        return [job_id for (job_id,) in self._readers.rows(sql, (at, limit))]

    def ended_beyond(self, keep: int, limit: int) -> list[int]:
        totals = f"SELECT ifnull(sum(jobs), 0) FROM job_totals WHERE state IN ({_ENDED})"
        beyond = self._readers.rows(totals)[0][0] - keep
        if beyond <= 0:
            return []
        sql = (
            "SELECT id FROM jobs INDEXED BY jobs_by_finished_at"
            " WHERE finished_at IS NOT NULL ORDER BY finished_at, id LIMIT ?"
        )
        return [job_id for (job_id,) in self._readers.rows(sql, (min(beyond, limit),))]

    def logs_beyond(self, keep_bytes: int, limit: int) -> list[int]:
        totals = "SELECT ifnull(sum(log_bytes), 0) FROM job_totals"
        beyond = self._readers.rows(totals)[0][0] - keep_bytes
        if beyond <= 0:
            return []
        sql = (
            "SELECT id, log_bytes FROM jobs INDEXED BY jobs_with_log WHERE log_bytes > 0"
            " AND log_removed_by IS NULL AND finished_at IS NOT NULL"
            " ORDER BY finished_at, log_bytes, id LIMIT ?"
        )
        found = []
        for job_id, log_bytes in self._readers.rows(sql, (limit,)):
            if beyond <= 0:
                break
            found.append(job_id)
            beyond -= log_bytes
        return found

    def counts(self) -> dict[tuple[str, str], int]:
        sql = "SELECT state, outcome, jobs FROM job_totals WHERE jobs > 0"
        return {(state, outcome): jobs for state, outcome, jobs in self._readers.rows(sql)}

    def close(self) -> None:
        """Commits under way finish first.  May be called twice."""
        self._readers.close()
        self._writer.close()

    def _committed(self, changes: Changes, seconds: float, tickets: int) -> None:
        if changes.touched:
            self._ended_jobs.drop(changes.touched)
        if changes.entries:
            for heard in self._listeners:
                _tell(heard, changes.entries)
        if self.on_commit_time is not None:
            _tell(self.on_commit_time, seconds, tickets)


def _tell(heard: Callable[..., None], *news: object) -> None:
    try:
        heard(*news)
    except Exception:
        # The commit is on disk: whatever a listener makes of it, its callers must hear so.
        log.exception("a listener of the journal failed", listener=repr(heard))

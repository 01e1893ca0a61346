"""What each change writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hoplite.journal import accounting_rows, resource_rows, rows, rule_rows, status_sets
from hoplite.journal.protocol import (
    Change,
    Happened,
    JobChanged,
    JobCreated,
    JobForgotten,
    KeyUsed,
    PropertyAdded,
    PropertyRemoved,
    ResourceForgotten,
    ResourceSaved,
    RuleVersioned,
    StatusSet,
)
from hoplite.model.job import Job
from hoplite.model.timeline import NO_JOB, Entry

MAX_TOMBSTONES = 1_000_000
STATUS_MERGE_S = 1.0


class ConflictingChange(Exception):
    """A change that cannot follow what is kept, such as an id in use or a change of a job that
    does not exist: a defect of the caller.  Nothing of its commit was kept."""


class KeysExpired(msgspec.Struct, frozen=True):
    """Idempotency-Keys used before then go."""

    before: float


class ResourceEntriesExpired(msgspec.Struct, frozen=True):
    """Entries about resources from before then go."""

    before: float


class ConsumptionExpired(msgspec.Struct, frozen=True):
    """What was asked for and used before this window goes."""

    window: int


class Checked(msgspec.Struct, frozen=True):
    """Somebody asked whether the journal can be written."""

    at: float


AnyChange = Change | KeysExpired | ResourceEntriesExpired | ConsumptionExpired | Checked

StatusEntry = tuple[int, float]
"""``seq`` and ``at`` of an entry that tells a status."""


class TimelineEnd:
    """Where the timeline of the file that ``connection`` writes ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.seq: int = connection.execute(rows.LAST_SEQ).fetchone()[0]
        """The highest ever given."""
        self.statuses: dict[int, StatusEntry] = {}
        """By the id of the job, where its last entry is known to be such a one."""


class Changes:
    """Applies changes inside the transaction that is open on ``connection``; :meth:`committed` once
    that is on disk.

    ``entries`` are the timeline's new entries with their ``seq``; ``touched`` the jobs of which a
    copy kept elsewhere is now old.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        end: TimelineEnd,
        max_tombstones: int = MAX_TOMBSTONES,
    ) -> None:
        self._execute = connection.execute
        self._end = end
        self._seq = end.seq
        self._statuses: dict[int, StatusEntry | None] = {}
        self._max_tombstones = max_tombstones
        self.entries: list[Entry] = []
        self.touched: list[int] = []

    def apply(self, change: AnyChange) -> None:
        _APPLY[type(change)](self, change)

    def committed(self) -> None:
        """The next changes go on from here."""
        self._end.seq = self._seq
        for job_id, status in self._statuses.items():
            if status is None:
                self._end.statuses.pop(job_id, None)
            else:
                self._end.statuses[job_id] = status

    def _created(self, change: JobCreated) -> None:
        job = change.job
        self._execute(rows.INSERT_JOB, rows.insert_values(job))
        if rows.has_large_config(job):
            self._execute("INSERT INTO large_configs VALUES (?, ?)", (job.id, bytes(job.config)))
        if job.batch is not None:
            self._execute(rows.SAVE_BATCH, rows.batch_values(job))

    def _changed(self, change: JobChanged) -> None:
        job = change.job
        self.touched.append(job.id)
        if self._execute(rows.UPDATE_JOB, rows.update_values(job)).rowcount == 0:
            raise ConflictingChange(f"job {job.id} cannot be changed: it does not exist")
        if job.batch is not None:
            self._execute(rows.SAVE_BATCH, rows.batch_values(job))
            if job.ended:
                self._account(job)

    def _account(self, job: Job) -> None:
        """Once for each job, with its end."""
        if self._execute(accounting_rows.ONCE, (job.id,)).rowcount:
            for values in accounting_rows.added(job):
                self._execute(accounting_rows.ADD, values)

    def _consumption_expired(self, change: ConsumptionExpired) -> None:
        for sql in accounting_rows.EXPIRE:
            self._execute(sql, {"window": change.window})

    def _forgotten(self, change: JobForgotten) -> None:
        """A job that is forgotten already stays so, by its first rule."""
        self.touched.append(change.job_id)
        buried = self._execute(
            "INSERT INTO tombstones (job_id, uuid, rule, at)"
            " SELECT id, uuid, ?, ? FROM jobs WHERE id = ?",
            (change.rule, change.at, change.job_id),
        ).rowcount
        if not buried:
            return
        only_id = (change.job_id,)
        self._execute("DELETE FROM jobs WHERE id = ?", only_id)
        self._execute("DELETE FROM large_configs WHERE job_id = ?", only_id)
        self._execute("DELETE FROM batch_jobs WHERE job_id = ?", only_id)
        self._execute("DELETE FROM idempotency_keys WHERE job_id = ?", only_id)
        self._execute("DELETE FROM timeline WHERE job_id = ? AND what <> 'forgotten'", only_id)
        self._prune_tombstones()

    def _prune_tombstones(self) -> None:
        """The entry that told of the forgetting goes with the tombstone."""
        oldest, newest = self._execute(
            "SELECT (SELECT min(nth) FROM tombstones), (SELECT max(nth) FROM tombstones)"
        ).fetchone()
        last_gone = newest - self._max_tombstones
        if oldest > last_gone:
            return
        self._execute(
            "DELETE FROM timeline WHERE job_id IN (SELECT job_id FROM tombstones WHERE nth <= ?)",
            (last_gone,),
        )
        self._execute("DELETE FROM tombstones WHERE nth <= ?", (last_gone,))

    def _happened(self, change: Happened) -> None:
        entry = self._numbered(change.entry)
        self._execute(rows.INSERT_ENTRY, rows.entry_values(entry))
        self._statuses[entry.job_id] = None

    def _status_set(self, change: StatusSet) -> None:
        self.set_statuses([change])

    def set_statuses(self, changes: Sequence[StatusSet]) -> None:
        """Apply several at once.  The jobs live, so no copy of them is kept."""
        numbered = [self._status_numbered(change) for change in changes]
        self._execute(status_sets.insert_sql(len(changes)), status_sets.insert_values(numbered))

    def _status_numbered(self, change: StatusSet) -> tuple[StatusSet, int | None]:
        last = self._last_status(change.job.id)
        entry = self._numbered(change.entry)
        self._statuses[entry.job_id] = entry.seq, entry.at
        merges = last is not None and abs(entry.at - last[1]) <= STATUS_MERGE_S
        return StatusSet(change.job, entry), last[0] if last is not None and merges else None

    def _last_status(self, job_id: int) -> StatusEntry | None:
        if job_id in self._statuses:
            return self._statuses[job_id]
        return self._end.statuses.get(job_id)

    def _numbered(self, entry: Entry) -> Entry:
        self._seq += 1
        entry = msgspec.structs.replace(entry, seq=self._seq)
        self.entries.append(entry)
        return entry

    def _key_used(self, key: KeyUsed) -> None:
        self._execute(
            "INSERT INTO idempotency_keys (owner, key, body_hash, job_id, at)"
            " VALUES (?, ?, ?, ?, ?)",
            (key.owner, key.key, key.body_hash, key.job_id, key.at),
        )

    def _keys_expired(self, change: KeysExpired) -> None:
        self._execute("DELETE FROM idempotency_keys WHERE at < ?", (change.before,))

    def _resource_saved(self, change: ResourceSaved) -> None:
        values = resource_rows.resource_values(change.resource)
        if self._execute(resource_rows.UPDATE_RESOURCE, values).rowcount:
            return
        if not self._execute(resource_rows.INSERT_RESOURCE, values).rowcount:
            raise ConflictingChange(f"the id of resource {change.resource.id} was given before")

    def _resource_forgotten(self, change: ResourceForgotten) -> None:
        gone = self._execute("DELETE FROM resources WHERE id = ?", (change.resource_id,))
        if not gone.rowcount:
            raise ConflictingChange(f"there is no resource {change.resource_id} to forget")

    def _property_added(self, change: PropertyAdded) -> None:
        self._execute(
            "INSERT INTO resource_properties (name, type) VALUES (?, ?)",
            (change.property.name, change.property.type.value),
        )

    def _property_removed(self, change: PropertyRemoved) -> None:
        gone = self._execute("DELETE FROM resource_properties WHERE name = ?", (change.name,))
        if not gone.rowcount:
            raise ConflictingChange(f"there is no property {change.name} to remove")
        self._execute(
            "UPDATE resources SET properties = json_remove(properties, ?)",
            (f'$."{change.name}"',),
        )

    def _rule_versioned(self, change: RuleVersioned) -> None:
        rule = change.rule
        if not self._execute(rule_rows.INSERT_VERSION, rule_rows.rule_values(rule)).rowcount:
            raise ConflictingChange(f"{rule.version} is not the next version of rule {rule.id}")

    def _resource_entries_expired(self, change: ResourceEntriesExpired) -> None:
        self._execute("DELETE FROM timeline WHERE job_id = ? AND at < ?", (NO_JOB, change.before))

    def _checked(self, change: Checked) -> None:
        self._execute("REPLACE INTO checks (id, at) VALUES (1, ?)", (change.at,))


_APPLY: dict[type[Any], Callable[[Changes, Any], None]] = {
    JobCreated: Changes._created,
    JobChanged: Changes._changed,
    StatusSet: Changes._status_set,
    JobForgotten: Changes._forgotten,
    Happened: Changes._happened,
    KeyUsed: Changes._key_used,
    KeysExpired: Changes._keys_expired,
    ResourceSaved: Changes._resource_saved,
    ResourceForgotten: Changes._resource_forgotten,
    PropertyAdded: Changes._property_added,
    PropertyRemoved: Changes._property_removed,
    ConsumptionExpired: Changes._consumption_expired,
    RuleVersioned: Changes._rule_versioned,
    ResourceEntriesExpired: Changes._resource_entries_expired,
    Checked: Changes._checked,
}

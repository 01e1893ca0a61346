"""What the manager asks of a journal.

An implementation is done when it passes ``tests/conformance/test_journal.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from hoplite.model.accounting import Consumption
from hoplite.model.admission_rule import AdmissionRule
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.resource import Resource
from hoplite.model.resource_property import Property
from hoplite.model.timeline import Entry


class JobCreated(msgspec.Struct, frozen=True):
    """A new job; its id and uuid are not in use."""

    job: Job


class JobChanged(msgspec.Struct, frozen=True):
    """All but ``id, uuid, plugin, owner, config, created_at, env, workdir, batch`` may differ."""

    job: Job


class JobForgotten(msgspec.Struct, frozen=True):
    """The job and its timeline go; what stays is which rule (or user) removed it."""

    job_id: int
    rule: str
    at: float


class StatusSet(msgspec.Struct, frozen=True):
    """Of a living job nothing but ``status, progress, version`` differs.  ``entry`` tells it in the
    timeline; within a second of the job's last entry, if that was such a one too, it takes its
    place."""

    job: Job
    entry: Entry


class Happened(msgspec.Struct, frozen=True):
    """One more entry of the timeline."""

    entry: Entry


class KeyUsed(msgspec.Struct, frozen=True):
    """An Idempotency-Key made a job."""

    owner: str
    key: str
    body_hash: bytes
    job_id: int
    at: float


class ResourceSaved(msgspec.Struct, frozen=True):
    """A new resource, whose id was never given, or another value of one that is kept."""

    resource: Resource


class ResourceForgotten(msgspec.Struct, frozen=True):
    """A resource that is kept goes; its id is not given again."""

    resource_id: int


class PropertyAdded(msgspec.Struct, frozen=True):
    """The definition of a property of resources; its name is not in use."""

    property: Property


class PropertyRemoved(msgspec.Struct, frozen=True):
    """The definition goes, and every resource's value of it."""

    name: str


class RuleVersioned(msgspec.Struct, frozen=True):
    """The first version of an admission rule whose id was never given, or the next one of a rule
    that is kept."""

    rule: AdmissionRule


Change = (
    JobCreated
    | JobChanged
    | StatusSet
    | JobForgotten
    | Happened
    | KeyUsed
    | ResourceSaved
    | ResourceForgotten
    | PropertyAdded
    | PropertyRemoved
    | RuleVersioned
)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs, newest first.  None: any."""

    limit: int
    before_id: int | None = None
    states: frozenset[State] | None = None
    plugin: str | None = None
    owner: str | None = None
    since: float | None = None
    """Created at or after."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """Which ended jobs, oldest first.  None: any.  Times are seconds since 1970."""

    states: frozenset[str] | None = None
    """As OAR tells of them (:func:`~hoplite.model.oar_state.oar_state`)."""
    owner: str | None = None
    ids: frozenset[int] | None = None
    since: float | None = None
    """That ended then or later; those that never started: that were created then or later."""
    until: float | None = None
    """That started before then; those that never started: that were created then or earlier."""


class EndedPage(msgspec.Struct, frozen=True):
    """``total`` is how many there are on all pages."""

    ids: list[int]
    total: int


class Jobs(msgspec.Struct, frozen=True):
    """``next_before_id`` is where the next page starts; None: there is none.  A page may hold fewer
    than ``limit`` jobs and still have a next one: a page looks at a bounded number of rows."""

    jobs: list[Job]
    next_before_id: int | None


class Tombstone(msgspec.Struct, frozen=True):
    """What is left of a forgotten job."""

    job_id: int
    uuid: str
    rule: str
    at: float


class Journal(Protocol):
    """Durable, ordered, one writer process.  All methods may be called from any thread.

    ``commit`` and ``check`` raise :class:`~hoplite.exceptions.StorageFullError` or
    :class:`~hoplite.exceptions.StorageUnavailableError`; then nothing of the call was kept.
    """

    def commit(self, *changes: Change) -> None:
        """All of them or none, on disk when this returns.  Calls in flight together share one
        write."""
        ...

    def on_entries(self, heard: Callable[[Sequence[Entry]], None]) -> None:
        """``heard`` gets the entries of each commit, with their ``seq``, in order."""
        ...

    def last_ids(self) -> tuple[int, int]:
        """The highest job id ever given, and the highest ``seq``."""
        ...

    def live_jobs(self) -> list[Job]: ...

    def job(self, ref: int | str) -> Job | None:
        """By id or uuid."""
        ...

    def array(self, array_id: int) -> list[Job]:
        """The jobs of an array by ascending id, resubmitted ones included."""
        ...

    def array_ids(self, array_id: int) -> frozenset[int]:
        """Their ids.  A job that asks for no resources is an array of its own."""
        ...

    def jobs(self, ids: Collection[int]) -> list[Job]:
        """Those of the jobs that are kept, by ascending id."""
        ...

    def ended(self, which: Ended, *, offset: int = 0, limit: int | None = None) -> EndedPage:
        """Ended jobs by ascending id, ``limit`` of them after the first ``offset``."""
        ...

    def tombstone(self, ref: int | str) -> Tombstone | None: ...

    def page(self, page: Page) -> Jobs: ...

    def entries(self, *, after: int, job_id: int | None, limit: int) -> list[Entry]:
        """Entries with a higher ``seq`` than ``after``, in order."""
        ...

    def entries_of(self, job_ids: Collection[int]) -> list[Entry]:
        """All entries about these jobs, in order, but those of their statuses."""
        ...

    def key_used(self, owner: str, key: str) -> KeyUsed | None: ...

    def forget_keys(self, before: float) -> None:
        """Drop Idempotency-Keys used before then."""
        ...

    def resources(self) -> list[Resource]:
        """All of them, by ascending id."""
        ...

    def properties(self) -> list[Property]:
        """The properties that were added to the standard ones, by name."""
        ...

    def last_resource_id(self) -> int:
        """The highest id that a resource ever had; 0: there never was one."""
        ...

    def consumption(
        self, since: float, until: float, owner: str | None = None
    ) -> list[Consumption]:
        """What ended jobs, forgotten ones too, asked for and used in the windows that begin before
        ``until`` and end after ``since`` (seconds since 1970), by project and owner, where it is
        anything.  ``owner``: of this one only."""
        ...

    def forget_consumption(self, before: float) -> None:
        """Forget what was asked for and used in the windows that ended by then."""
        ...

    def rules(self) -> list[AdmissionRule]:
        """The admission rules that there are, as they are now, by ascending id."""
        ...

    def rule_versions(self, rule_id: int) -> list[AdmissionRule]:
        """Every version of an admission rule, its end too, in order; none: it never existed."""
        ...

    def last_rule_id(self) -> int:
        """The highest id that an admission rule ever had; 0: there never was one."""
        ...

    def forget_resource_entries(self, before: float) -> None:
        """Drop the timeline's entries about resources from before then."""
        ...

    def ended_before(self, at: float, limit: int) -> list[int]:
        """Ids of jobs that ended before then, oldest first."""
        ...

    def ended_beyond(self, keep: int, limit: int) -> list[int]:
        """Ids of the oldest ended jobs beyond the newest ``keep``."""
        ...

    def logs_beyond(self, keep_bytes: int, limit: int) -> list[int]:
        """Ids of the oldest ended jobs whose logs put the sum over ``keep_bytes``."""
        ...

    def counts(self) -> dict[tuple[str, str], int]:
        """Jobs kept, by (state, outcome or '')."""
        ...

    def check(self) -> None:
        """Can it be written now?  Raises if not."""
        ...

    def close(self) -> None: ...

"""Finds jobs by what they are, oldest first, with how many there are: the live ones in memory, the
ended ones in the journal."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hoplite.journal.protocol import Ended
from hoplite.manager.batch_commands import BatchCommands
from hoplite.manager.job_table import JobTable
from hoplite.model.job import Job
from hoplite.model.lifecycle import ENDED, LIVE, State
from hoplite.model.oar_state import oar_state
from hoplite.scheduling.decisions import Placement

IN_QUEUE = frozenset(state.value for state in LIVE)
"""The states of jobs that have not ended."""

_OVER = frozenset(state.value for state in ENDED)
_GOES_ON = frozenset({State.SUSPENDED, State.RESUMING})


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs: those of which all of this is true.  None: any.  Times are seconds since 1970."""

    states: frozenset[str] | None = None
    """Names of OAR's states."""
    owner: str | None = None
    array_id: int | None = None
    ids: frozenset[int] | None = None
    since: float | None = None
    """That run, or are planned to, then or later; those without a plan: created then or later."""
    until: float | None = None
    """That started, or are planned to, before then; those without a plan: created by then."""

    @property
    def timed(self) -> bool:
        return self.since is not None or self.until is not None


class Found(msgspec.Struct, frozen=True):
    """A page of jobs; ``total`` is how many there are on all pages."""

    jobs: list[Job]
    total: int


class JobSearch:
    """Answers from memory alone where no ended job is asked for."""

    def __init__(self, table: JobTable, batch: BatchCommands) -> None:
        self._table = table
        self._batch = batch

    def find(self, wanted: Wanted, *, offset: int = 0, limit: int | None = None) -> Found:
        """The jobs by ascending id, ``limit`` of them after the first ``offset``."""
        if wanted.array_id is not None:
            ids = self._table.journal.array_ids(wanted.array_id)
            ids = ids if wanted.ids is None else ids & wanted.ids
            wanted = msgspec.structs.replace(wanted, ids=ids, array_id=None)
        # Those in memory first: a job that ends meanwhile is in both and counted once, by its id.
        live = self._live(wanted)
        if wanted.states is not None and not wanted.states & _OVER:
            end = None if limit is None else offset + limit
            return Found(live[offset:end], len(live))
        return self._with_ended(wanted, live, offset, limit)

    def _with_ended(self, wanted: Wanted, live: list[Job], offset: int, limit: int | None) -> Found:
        which = Ended(
            states=wanted.states,
            owner=wanted.owner,
            ids=wanted.ids,
            since=wanted.since,
            until=wanted.until,
        )
        # Of the first `offset` jobs at most len(live) are live, so these ended ones are among them.
        before = max(0, offset - len(live))
        more = None if limit is None else limit + len(live)
        ended = self._table.journal.ended(which, offset=before, limit=more)
        living = {job.id: job for job in live}
        merged = sorted({*ended.ids, *living})
        begin = offset - before
        page = merged[begin : None if limit is None else begin + limit]
        read = self._table.journal.jobs([each for each in page if each not in living])
        jobs = sorted([*read, *(living[each] for each in page if each in living)], key=_id)
        twice = len(ended.ids) + len(living) - len(merged)
        return Found(jobs, ended.total + len(live) - twice)

    def _live(self, wanted: Wanted) -> list[Job]:
        plans = self._batch.predictions() if wanted.timed else {}
        jobs = (live.job for live in self._table.live)
        return sorted((job for job in jobs if _is_wanted(job, wanted, plans)), key=_id)


def _id(job: Job) -> int:
    return job.id


def _is_wanted(job: Job, wanted: Wanted, plans: Mapping[int, Placement]) -> bool:
    return (
        (wanted.states is None or oar_state(job) in wanted.states)
        and (wanted.owner is None or job.owner == wanted.owner)
        and (wanted.ids is None or job.id in wanted.ids)
        and (not wanted.timed or _is_then(job, wanted, plans.get(job.id)))
    )


def _is_then(job: Job, wanted: Wanted, plan: Placement | None) -> bool:
    since = 0.0 if wanted.since is None else wanted.since
    if job.started_at is not None:
        ends = None if job.state in _GOES_ON else job.walltime_ends_at
        return (ends is None or ends >= since) and _before(job.started_at, wanted.until)
    if plan is not None:
        return plan.end >= since and _before(plan.start, wanted.until)
    return job.created_at >= since and (wanted.until is None or job.created_at <= wanted.until)


def _before(at: float, until: float | None) -> bool:
    return until is None or at < until

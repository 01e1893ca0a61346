"""The one job table: where memory and journal meet.  Journal first, then memory, then news."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec

from hoplite.exceptions import JobDoesNotExistError
from hoplite.journal.protocol import (
    Change,
    Happened,
    JobChanged,
    JobCreated,
    JobForgotten,
    Journal,
    StatusSet,
)
from hoplite.manager.live import LiveIndex, LiveJob
from hoplite.model.job import Job
from hoplite.model.timeline import Entry, Happening

SERVER = "server"
JOB = "job"


def entry(
    job: Job, what: Happening, who: str, at: float, detail: Mapping[str, Any] | None = None
) -> Entry:
    """A timeline entry about ``job`` as it will be."""
    return Entry(
        job_id=job.id,
        uuid=job.uuid,
        owner=job.owner,
        at=at,
        what=what,
        who=who,
        version=job.version,
        detail=msgspec.Raw(msgspec.json.encode(detail)) if detail else None,
    )


def forgetting(job: Job, who: str, rule: str, at: float) -> list[Change]:
    """What the journal needs to forget ``job``, in order: the entry that says so stays."""
    return [
        JobForgotten(job.id, rule, at),
        Happened(entry(job, Happening.FORGOTTEN, who, at, {"rule": rule})),
    ]


class JobTable:
    """Live jobs in memory, all jobs in the journal.

    ``in_use`` knows ids that are not to be given though the journal does not have them.
    """

    def __init__(self, journal: Journal, in_use: Callable[[int], bool]) -> None:
        self.journal = journal
        self._in_use = in_use
        self.live = LiveIndex()
        self._last_id = journal.last_ids()[0]
        self._last_at = 0.0
        self._births = threading.Lock()
        self.past = threading.Lock()
        """Held by who changes or forgets jobs that have ended, from the look at them on."""

    def next_birth(self) -> tuple[int, float]:
        """An id that was never given and its time of creation; later ids have later times."""
        with self._births:
            self._last_id += 1
            while self._in_use(self._last_id):
                self._last_id += 1
            self._last_at = max(self._last_at, time.time())
            return self._last_id, self._last_at

    def next_births(self, count: int) -> tuple[list[int], float]:
        """Consecutive ids that were never given, and the time of creation of all."""
        with self._births:
            ids: list[int] = []
            while len(ids) < count:
                self._last_id += 1
                if self._in_use(self._last_id):
                    ids.clear()
                else:
                    ids.append(self._last_id)
            self._last_at = max(self._last_at, time.time())
            return ids, self._last_at

    def create_together(self, jobs: Sequence[Job], entries: Iterable[Entry], *more: Change) -> None:
        """Keep new jobs, all or none, in one write."""
        with self._being_born(jobs):
            self.journal.commit(*map(JobCreated, jobs), *map(Happened, entries), *more)

    def create(self, job: Job, entries: Iterable[Entry], *more: Change) -> LiveJob:
        """Keep a new job.  Nothing is kept if this raises.

        Others may know of it by the journal before this returns.  Their commands find it living,
        and wait for the lock until it is.
        """
        with self._being_born([job]) as (live,):
            self.journal.commit(JobCreated(job), *map(Happened, entries), *more)
        return live

    @contextmanager
    def _being_born(self, jobs: Sequence[Job]) -> Iterator[list[LiveJob]]:
        """Have new jobs in memory, and shown once the body has kept them."""
        lives = [LiveJob(job) for job in jobs]
        with ExitStack() as locks:
            for live in lives:
                locks.enter_context(live.lock)
                self.live.add(live)
            try:
                yield lives
            except BaseException:
                for live in lives:
                    self.live.remove(live.job)
                raise
            for live in lives:
                live.born = True

    def take_over(self, job: Job) -> None:
        """A live job of the journal, after a start."""
        live = LiveJob(job)
        live.born = True
        self.live.add(live)

    def change(self, live: LiveJob, job: Job, *entries: Entry) -> None:
        """Keep and show a job's new value.  Call with ``live.lock`` held."""
        self.journal.commit(JobChanged(job), *map(Happened, entries))
        self.show(live, job)

    def set_status(self, live: LiveJob, job: Job, told: Entry) -> None:
        """:meth:`change` where nothing but the status is another."""
        self.journal.commit(StatusSet(job, told))
        self.show(live, job)

    def change_together(
        self,
        moves: Iterable[tuple[LiveJob, Job, Sequence[Entry]]],
        born: Sequence[Job] = (),
    ) -> None:
        """Keep and show the new values of several jobs, and new jobs, all or none, in one write.
        Call inside :meth:`locked`."""
        moves = list(moves)
        changes: list[Change] = [JobChanged(job) for _, job, _ in moves]
        changes += [JobCreated(job) for job in born]
        changes += [Happened(each) for _, _, entries in moves for each in entries]
        with self._being_born(born):
            self.journal.commit(*changes)
        for live, job, _ in moves:
            self.show(live, job)

    @contextmanager
    def locked(self, job_ids: Iterable[int]) -> Iterator[dict[int, LiveJob]]:
        """Those of the jobs that live, with their locks held."""
        # In the order of their ids: two who lock several at once must not wait for each other.
        lives = {job_id: live for job_id in sorted(job_ids) if (live := self.find_live(job_id))}
        with ExitStack() as locks:
            for live in lives.values():
                locks.enter_context(live.lock)
            yield {job_id: live for job_id, live in lives.items() if live.born}

    def show(self, live: LiveJob, job: Job) -> None:
        """Show a value that was committed; an ended job leaves the memory."""
        if job.ended:
            self.live.remove(job)
        live.become(job)

    def find_live(self, ref: int | str) -> LiveJob | None:
        return self.live.find(ref)

    def get(self, ref: int | str) -> Job:
        """The job by id or uuid; raises :class:`~hoplite.exceptions.JobDoesNotExistError`."""
        live = self.live.find(ref)
        if live is not None and live.born:
            return live.job
        job = self.journal.job(ref)
        if job is None:
            raise JobDoesNotExistError.of(str(ref))
        return job

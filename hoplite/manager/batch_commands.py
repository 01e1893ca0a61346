"""What callers ask of jobs in the queue: each command checks the rights, then the state, then acts."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

import msgspec

from hoplite.exceptions import (
    InvalidFieldError,
    JobEndedError,
    NotAuthorizedError,
    ReservationRefusedError,
    WrongJobStateError,
)
from hoplite.journal.protocol import Change, JobChanged
from hoplite.manager.admission import Admission, Admitted
from hoplite.manager.batch_checks import Checks
from hoplite.manager.batch_queue import BatchQueue
from hoplite.manager.batch_turn import Place
from hoplite.manager.job_table import JobTable, entry
from hoplite.manager.limits import Limits
from hoplite.manager.live import LiveJob
from hoplite.manager.requests import NewJob
from hoplite.manager.successors import again, births
from hoplite.model.batch import Batch
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import Event, State
from hoplite.model.timeline import Entry, Happening
from hoplite.model.walltime_change import WalltimeAsk
from hoplite.scheduling.decisions import Placement, Refusal, Wait

Also = Callable[[int, float], Sequence[Change]]

_SIGNALS = range(1, 65)
_WAITS_FOR = "waits for its resources"


class BatchCommands:
    """The part of the job manager for jobs that ask for resources.

    ``ref`` is a job's id in digits, or its uuid.  Every command raises
    :class:`~hoplite.exceptions.JobDoesNotExistError` for an unknown job,
    :class:`~hoplite.exceptions.NotAuthorizedError` for somebody else's,
    :class:`~hoplite.exceptions.JobEndedError` for one that has ended and
    :class:`~hoplite.exceptions.WrongJobStateError` where its state does not allow it.
    """

    def __init__(
        self, table: JobTable, queue: BatchQueue, limits: Limits, admission: Admission
    ) -> None:
        self._table = table
        self._queue = queue
        self._limits = limits
        self._admission = admission
        self._checks = Checks(table, queue.plan.feasibility, limits)
        self._reserving = threading.Lock()
        """Between counting somebody's reservations and making another."""

    def create(self, caller: Caller, jobs: Sequence[NewJob], also: Also) -> list[Job]:
        """New jobs with consecutive ids, all or none, as the admission rules want them; several are
        an array.  What ``also`` gives for the first job's id and time is kept in the same write.

        Raises :class:`~hoplite.exceptions.InvalidFieldError`,
        :class:`~hoplite.exceptions.NotEnoughResourcesError` for a request that can never be
        granted and :class:`~hoplite.exceptions.ReservationRefusedError`.
        """
        self._checks.count(jobs)
        admitted = self._admission.admit(caller, jobs)
        jobs = admitted.jobs
        reserves = any(new.batch and new.batch.starts_at is not None for new in jobs)
        with self._reserving if reserves else nullcontext():
            for new in {_asked(new.batch): new for new in jobs}.values():
                self._checks.job(caller, new)
            ids, now = self._table.next_births(len(jobs))
            made = self._new_jobs(caller, jobs, ids, now)
            return self._keep(caller, made, also(ids[0], now), admitted.said)

    def dry_run(self, caller: Caller, jobs: Sequence[NewJob]) -> tuple[Admitted, Place | None]:
        """What the admission rules would make of the jobs, and where the first of them would be
        placed if they were created now; None: it cannot be told.  Raises as :meth:`create` does,
        and keeps nothing."""
        admitted = self._admission.admit(caller, jobs)
        new = admitted.jobs[0]
        self._checks.job(caller, new)
        (job,) = self._new_jobs(caller, [new], [1 << 62], time.time())
        found = self._queue.plan.probe(job)
        if isinstance(found, Refusal):
            raise _refused(job, found)
        return admitted, found

    def prediction(self, job_id: int) -> Placement | None:
        """Where and when a waiting job is planned; None for others, and where nothing is known."""
        return self._queue.plan.prediction(job_id)

    def places(self, job_ids: Iterable[int]) -> dict[int, Place]:
        """The same for several jobs, with the ids of the resources."""
        return self._queue.plan.places(job_ids)

    def predictions(self) -> dict[int, Placement]:
        """The same for all waiting jobs that have a place."""
        return self._queue.plan.predictions()

    def why(self, job_id: int) -> Wait | None:
        """What a job waits for; None if it is not in the queue (its state says why)."""
        return self._queue.plan.why(job_id)

    def hold(self, caller: Caller, ref: str) -> Job:
        """Take a waiting job out of the queue until it is released."""
        live = self._own(caller, ref)
        with live.lock:
            job = _in(live, "held", State.WAITING)
            held = job.moved(Event.HELD, reason=f"on hold, by {caller.name}")
            self._change(live, held, Happening.HELD, caller)
        self._queue.changed(job.id)
        return live.job

    def release(self, caller: Caller, ref: str) -> Job:
        """Put a job that is on hold (back) into the queue."""
        live = self._own(caller, ref)
        with live.lock:
            job = _in(live, "released", State.HOLD)
            now = time.time()
            waiting = job.moved(Event.RELEASED, queued_at=now, reason=_WAITS_FOR)
            self._change(live, waiting, Happening.QUEUED, caller)
        self._queue.changed(job.id)
        return live.job

    def suspend(self, caller: Caller, ref: str) -> Job:
        """Stop all processes of a running job and give its resources to others (OAR's rhold).  Its
        walltime stands still."""
        live = self._own(caller, ref)
        self._check_may_suspend(caller)
        with live.lock:
            job = _in(live, "suspended", State.RUNNING)
            self._queue.suspend(live, caller.name)
        self._queue.changed(job.id)
        return live.job

    def resume(self, caller: Caller, ref: str) -> Job:
        """Have a suspended job go on as soon as its resources are free; release one on hold."""
        live = self._own(caller, ref)
        if live.job.state is State.HOLD:
            return self.release(caller, ref)
        _in(live, "resumed", State.HOLD, State.SUSPENDED)
        self._check_may_suspend(caller)
        with live.lock:
            job = _in(live, "resumed", State.SUSPENDED)
            resuming = job.moved(Event.RESUMED, reason="waits for its resources to go on")
            self._change(live, resuming, Happening.RESUMING, caller)
        self._queue.changed(job.id)
        return live.job

    def checkpoint(self, caller: Caller, ref: str) -> Job:
        """Send a running job its checkpoint signal."""
        live = self._own(caller, ref)
        if not self._queue.checkpoint(live.job.id, caller.name):
            raise _wrong_state(live.job, "checkpointed", State.RUNNING)
        return live.job

    def signal(self, caller: Caller, ref: str, signum: int) -> Job:
        """Send all processes of a running job a signal."""
        if signum not in _SIGNALS:
            raise InvalidFieldError(
                f"signal: {signum} is no signal; they are numbered from 1 to 64", field="signal"
            )
        live = self._own(caller, ref)
        if not self._queue.signal(live, signum, caller.name, Happening.SIGNALLED):
            raise _wrong_state(live.job, "signalled", State.RUNNING)
        return live.job

    def change_walltime(
        self,
        caller: Caller,
        ref: str,
        ask: WalltimeAsk,
        *,
        force: bool = False,
        delay_next_jobs: bool = False,
    ) -> Job:
        """Change the walltime of a running job, in whole seconds.

        A shorter one holds at once.  A longer one holds as far as it makes nobody behind the job
        wait longer; the rest is pending (``job.granted.walltime_change``), replaces what was
        pending before, and is given when there is room.  Jobs that come after it are not in its
        way.  ``delay_next_jobs``: all others but reservations may have to wait.  ``force``: also
        more than ``walltime_max_increase``.  Who may ask for these, :meth:`walltime_rights` tells.

        Raises :class:`~hoplite.exceptions.MethodNotAllowedError` where the setting
        ``walltime_change`` forbids it.
        """
        live = self._own(caller, ref)
        self._queue.walltimes.change(caller, live, ask, force=force, delay=delay_next_jobs)
        self._queue.walltime_changed(live.job)
        return live.job

    def walltime_rights(self, caller: Caller) -> tuple[bool, bool]:
        """Whether the caller may ask for ``force``, and for ``delay_next_jobs``."""
        walltimes = self._queue.walltimes
        return walltimes.may_force(caller), walltimes.may_delay_others(caller)

    def resubmit(self, caller: Caller, ref: str, also: Also | None = None) -> Job:
        """A new job that asks for the same as one that has ended.  Jobs that wait and were to come
        after the old one come after the new one, the first time that it is resubmitted.  ``also``
        is as in :meth:`create`."""
        with self._table.past:
            job = self._table.get(ref)
            _check_owner(caller, job)
            if job.batch is None or not job.ended:
                raise WrongJobStateError(
                    f"job {job.id} cannot be resubmitted: "
                    + (
                        "it asks for no resources"
                        if job.batch is None
                        else f"it is {job.state.value}"
                    )
                    + "; only a job with a resource request that has ended can be"
                )
            new = again(job, *self._table.next_birth())
            more = list(also(new.id, new.created_at)) if also is not None else []
            self._keep_successor(caller, job, new, more)
        self._queue.changed(job.id, new.id)
        return self._table.get(new.id)

    def _keep_successor(self, caller: Caller, old: Job, new: Job, more: list[Change]) -> None:
        entries = births(new, caller.name)
        if old.granted.resubmitted_as is None:
            # Those that wait for the old job wait for the new one.
            granted = msgspec.structs.replace(old.granted, resubmitted_as=new.id)
            old = msgspec.structs.replace(old, granted=granted, version=old.version + 1)
            more.append(JobChanged(old))
            detail = {"as": new.id}
            entries.append(entry(old, Happening.RESUBMITTED, caller.name, new.created_at, detail))
        self._table.create(new, entries, *more)

    def _keep(
        self, caller: Caller, jobs: list[Job], more: Sequence[Change], said: Sequence[str]
    ) -> list[Job]:
        reserved = [self._with_reservation(job) for job in jobs]
        entries = [
            each
            for job in reserved
            for each in _first_entries(job, caller.name, said if job is reserved[0] else ())
        ]
        try:
            self._table.create_together(reserved, entries, *more)
        except BaseException:
            self._queue.changed(*(job.id for job in jobs))
            raise
        self._queue.changed(*(job.id for job in jobs))
        return [self._table.get(job.id) for job in jobs]

    def _with_reservation(self, job: Job) -> Job:
        if job.batch is None or job.batch.starts_at is None or job.state is not State.WAITING:
            return job
        found = self._queue.plan.reserve(job)
        if isinstance(found, Refusal):
            raise _refused(job, found)
        return found

    def _new_jobs(
        self, caller: Caller, jobs: Sequence[NewJob], ids: Sequence[int], now: float
    ) -> list[Job]:
        return [
            _new_job(caller, new, job_id, now, ids[0] if len(ids) > 1 else None, nth, len(ids))
            for nth, (new, job_id) in enumerate(zip(jobs, ids, strict=True), 1)
        ]

    def _own(self, caller: Caller, ref: str) -> LiveJob:
        job = self._table.get(ref)
        _check_owner(caller, job)
        live = self._table.find_live(job.id)
        if live is None:
            raise _ended(job)
        if job.batch is None:
            raise WrongJobStateError(
                f"job {job.id} was created without a resource request, so the queue has no say in it"
            )
        return live

    def _check_may_suspend(self, caller: Caller) -> None:
        if not caller.is_admin and not self._limits.users_may_suspend:
            raise NotAuthorizedError(
                "only administrators suspend and resume running jobs here (setting "
                "users_may_suspend)"
            )

    def _change(self, live: LiveJob, job: Job, what: Happening, caller: Caller) -> None:
        self._table.change(live, job, entry(job, what, caller.name, time.time()))


def _asked(batch: Batch | None) -> Batch | None:
    """What jobs of one array have in common."""
    return None if batch is None else msgspec.structs.replace(batch, command=None)


def _new_job(
    caller: Caller,
    new: NewJob,
    job_id: int,
    now: float,
    array_id: int | None,
    nth: int,
    size: int,
) -> Job:
    assert new.batch is not None
    waits = new.run and not new.batch.hold
    batch = new.batch
    if array_id is not None:
        batch = msgspec.structs.replace(batch, array_id=array_id, array_index=nth, array_size=size)
    return Job(
        id=job_id,
        uuid=str(uuid.uuid4()),
        plugin=new.plugin,
        owner=caller.name,
        config=new.config,
        state=State.WAITING if waits else State.HOLD,
        created_at=now,
        queued_at=now if waits else None,
        timeout_s=new.timeout_s,
        env=new.env,
        workdir=new.workdir,
        batch=batch,
        reason=_WAITS_FOR if waits else f"on hold, by {caller.name}",
    )


def _first_entries(job: Job, who: str, said: Sequence[str]) -> list[Entry]:
    entries = births(job, who, said)
    return entries if job.state is State.WAITING else entries[:1]


def _check_owner(caller: Caller, job: Job) -> None:
    if not caller.owns(job):
        raise NotAuthorizedError(
            f"job {job.id} belongs to {job.owner}; only {job.owner} and administrators may do this"
        )


def _in(live: LiveJob, done: str, *states: State) -> Job:
    if live.job.state not in states:
        raise _wrong_state(live.job, done, *states)
    return live.job


def _wrong_state(job: Job, done: str, *states: State) -> Exception:
    if job.ended:
        return _ended(job)
    if job.state in states:
        return WrongJobStateError(
            f"job {job.id} is {job.state.value}, but its process is ending or has just ended, so it "
            f"cannot be {done}"
        )
    wanted = " or ".join(state.value for state in states)
    return WrongJobStateError(
        f"job {job.id} is {job.state.value}: only a job that is {wanted} can be {done}"
    )


def _ended(job: Job) -> JobEndedError:
    outcome = job.outcome.value if job.outcome else "ended"
    return JobEndedError(f"job {job.id} has ended ({outcome})")


def _refused(job: Job, refusal: Refusal) -> ReservationRefusedError:
    if refusal.could_start is None:
        later = "and there is no later time at which they are"
    else:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(refusal.could_start))
        later = f"but are from {moment} on"
    return ReservationRefusedError(
        f"reservation: the resources are not free at that time, {later}", field="reservation"
    )

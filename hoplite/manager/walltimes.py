"""Walltimes of running jobs that are changed: at once as far as the plan allows, later the rest."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from math import floor

import msgspec

from hoplite.crashpoints import crash_point
from hoplite.exceptions import (
    InvalidFieldError,
    MethodNotAllowedError,
    NotAuthorizedError,
    WrongJobStateError,
)
from hoplite.manager.batch_plan import Plan
from hoplite.manager.clocks import Clocks
from hoplite.manager.job_table import SERVER, JobTable, entry
from hoplite.manager.limits import Limits
from hoplite.manager.live import LiveJob
from hoplite.model.batch_types import read_types
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.resource_request import walltime_text
from hoplite.model.timeline import Happening
from hoplite.model.walltime_change import WalltimeAsk, WalltimeChange


class Walltimes:
    """All methods may be called from any thread, but not with the lock of a job held."""

    def __init__(self, table: JobTable, plan: Plan, clocks: Clocks, limits: Limits) -> None:
        self._table = table
        self._plan = plan
        self._clocks = clocks
        self._limits = limits
        self._one_by_one = threading.Lock()
        self._pending: set[int] = set()

    def open(self, jobs: list[Job]) -> None:
        """Jobs of the last server that live."""
        self._pending = {job.id for job in jobs if _pending_s(job)}

    def may_force(self, caller: Caller) -> bool:
        """Whether the caller may have more than users may."""
        return caller.is_admin

    def may_delay_others(self, caller: Caller) -> bool:
        return caller.is_admin or self._limits.users_may_delay_jobs

    def change(
        self, caller: Caller, live: LiveJob, ask: WalltimeAsk, *, force: bool, delay: bool
    ) -> None:
        """As :meth:`~hoplite.manager.batch_commands.BatchCommands.change_walltime` says; the job is
        the caller's."""
        self._check_allowed(caller, force=force, delay=delay)
        with self._one_by_one:
            job = _running(live.job)
            wanted_s = float(floor(ask.after(job.walltime_s or 0.0)))
            self._check_wanted(job, wanted_s, force)
            self._change(live, wanted_s, caller.name, force=force, delay=delay)

    def give_pending(self) -> list[Job]:
        """Give more of what was asked for, where there is room by now; the jobs that got some.
        Raises storage errors."""
        if not self._pending:
            return []
        with self._one_by_one:
            lives = [self._table.find_live(job_id) for job_id in sorted(self._pending)]
            given = [live.job for live in lives if live is not None and self._give(live)]
            self._pending &= {live.job.id for live in lives if live is not None}
            return given

    def _give(self, live: LiveJob) -> bool:
        job, change = live.job, live.job.granted.walltime_change
        if change is None or job.walltime_s is None or job.state is not State.RUNNING:
            return False
        wanted_s, delay = job.walltime_s + change.pending_s, change.delay_next_jobs
        with suppress(WrongJobStateError):  # suspended or ended a moment ago
            self._change(live, wanted_s, SERVER, force=change.force, delay=delay, only_more=True)
        return live.job.walltime_s != job.walltime_s

    def _change(
        self,
        live: LiveJob,
        wanted_s: float,
        who: str,
        *,
        force: bool,
        delay: bool,
        only_more: bool = False,
    ) -> None:
        job = live.job
        before = job.walltime_s or 0.0
        try:
            undelaying = max(before, self._agree(job, wanted_s, displacing=False))
            walltime_s = max(
                undelaying, self._agree(job, wanted_s, displacing=True) if delay else 0
            )
            walltime_s = min(walltime_s, wanted_s)
            if only_more and walltime_s <= before:
                return
            change = _changed(job, walltime_s, wanted_s, self._limits.walltime_max_increase_s)
            delaying_s = change.granted_with_delay_next_jobs_s + max(0.0, walltime_s - undelaying)
            change = msgspec.structs.replace(
                change,
                granted_with_delay_next_jobs_s=min(delaying_s, max(0.0, change.granted_s)),
                force=force,
                delay_next_jobs=delay,
            )
            self._keep(live, walltime_s, change, who)
        finally:
            self._plan.lengthened(job.id)

    def _agree(self, job: Job, wanted_s: float, *, displacing: bool) -> float:
        if job.walltime_s is None or wanted_s <= job.walltime_s:
            return 0.0
        return self._plan.lengthen(job, wanted_s, displacing=displacing)

    def _keep(self, live: LiveJob, walltime_s: float, change: WalltimeChange, who: str) -> None:
        with live.lock:
            job = _running(live.job)
            granted = msgspec.structs.replace(
                job.granted, walltime_s=walltime_s, walltime_change=change
            )
            changed = msgspec.structs.replace(job, granted=granted, version=job.version + 1)
            detail = {"from_s": job.walltime_s, "to_s": walltime_s, **_detail(change)}
            happened = entry(changed, Happening.WALLTIME_CHANGED, who, time.time(), detail)
            self._table.change(live, changed, happened)
            crash_point("manager.before_walltime")
            self._clocks.set(changed)
        (self._pending.add if change.pending_s else self._pending.discard)(job.id)

    def _check_allowed(self, caller: Caller, *, force: bool, delay: bool) -> None:
        if not self._limits.walltime_change:
            raise MethodNotAllowedError(
                "Not available: the walltime of a running job cannot be changed here (setting "
                "walltime_change)"
            )
        if force and not self.may_force(caller):
            raise NotAuthorizedError(
                "Walltime change for this job is not allowed to be forced: only administrators "
                "may do that",
                field="force",
            )
        if delay and not self.may_delay_others(caller):
            raise NotAuthorizedError(
                "Walltime change for this job is not allowed to delay other jobs: only "
                "administrators may do that (setting users_may_delay_jobs)",
                field="delay_next_jobs",
            )

    def _check_wanted(self, job: Job, wanted_s: float, force: bool) -> None:
        ends_at, walltime_s = job.walltime_ends_at, job.walltime_s
        assert ends_at is not None  # it runs
        assert walltime_s is not None
        ran_s = time.time() - (ends_at - walltime_s)
        if wanted_s <= ran_s:
            raise InvalidFieldError(
                f"walltime: the job has run for {walltime_text(int(ran_s))} already, so its "
                f"walltime cannot become {wanted_s:g} s; delete the job to end it now",
                field="walltime",
            )
        most_s = self._limits.walltime_max_increase_s
        change = job.granted.walltime_change
        more_s = wanted_s - (walltime_s if change is None else change.first_s)
        if most_s is not None and more_s > most_s and wanted_s > walltime_s and not force:
            raise NotAuthorizedError(
                f"Walltime change for this job is limited: at most {walltime_text(int(most_s))} more than at its "
                "start (setting walltime_max_increase)",
                field="walltime",
            )
        if wanted_s < walltime_s and job.batch and read_types(job.batch.types).container:
            self._check_empty(job)

    def _check_empty(self, container: Job) -> None:
        running = [live.job for live in self._table.live if live.job.running]
        for job in running:
            if job.batch is not None and read_types(job.batch.types).inner == container.id:
                raise WrongJobStateError(
                    f"the walltime of job {container.id} cannot become shorter while job {job.id} "
                    "runs in it"
                )


def _running(job: Job) -> Job:
    if job.state is not State.RUNNING:
        raise WrongJobStateError(
            f"job {job.id} is {job.state.value}: only the walltime of a job that is Running can be "
            "changed"
        )
    return job


def _changed(job: Job, walltime_s: float, wanted_s: float, most_s: float | None) -> WalltimeChange:
    before_s = job.walltime_s or 0.0
    change = job.granted.walltime_change or WalltimeChange(first_s=before_s)
    granted_s = walltime_s - change.first_s
    return WalltimeChange(
        first_s=change.first_s,
        granted_s=granted_s,
        pending_s=max(0.0, wanted_s - walltime_s),
        granted_with_force_s=0.0 if most_s is None else max(0.0, granted_s - most_s),
        granted_with_delay_next_jobs_s=change.granted_with_delay_next_jobs_s,
    )


def _pending_s(job: Job) -> float:
    change = job.granted.walltime_change
    return 0.0 if change is None else change.pending_s


def _detail(change: WalltimeChange) -> dict[str, object]:
    return {
        "granted_s": change.granted_s,
        "pending_s": change.pending_s,
        "force": change.force,
        "delay_next_jobs": change.delay_next_jobs,
    }

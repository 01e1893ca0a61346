"""The job manager: the only writer.  Command, check, journal, memory, news."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import structlog

from hoplite.admission.pool import RulePool
from hoplite.crashpoints import crash_point
from hoplite.exceptions import (
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobEndedError,
    JobNotEndedError,
    JobNotStartedError,
    NotAuthorizedError,
    StorageFullError,
    StorageUnavailableError,
    TooLargeError,
    WrongApiKeyError,
)
from hoplite.execution.protocol import Executor, RunAs
from hoplite.journal.protocol import Jobs, Journal, Page
from hoplite.manager.admission import Admission, Admitted, said_of
from hoplite.manager.admission_rules import AdmissionRules
from hoplite.manager.array_commands import ArrayCommands
from hoplite.manager.batch_commands import BatchCommands
from hoplite.manager.batch_plan import Plan
from hoplite.manager.batch_queue import BatchQueue
from hoplite.manager.batch_turn import Place
from hoplite.manager.creation import Creation, waiting_for_a_place
from hoplite.manager.endings import Inbox, ended_entry
from hoplite.manager.job_search import JobSearch
from hoplite.manager.job_table import JOB, SERVER, JobTable, entry, forgetting
from hoplite.manager.launching import Launcher, Owners, ServerAddress, key_hash
from hoplite.manager.limits import Limits
from hoplite.manager.live import LiveJob
from hoplite.manager.notices import Notices
from hoplite.manager.recovery import Recovered, recover
from hoplite.manager.requests import NewJob
from hoplite.manager.resources import Resources
from hoplite.manager.retention import Retention
from hoplite.manager.timeline import Timeline
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.progress import progress_in
from hoplite.model.timeline import Happening
from hoplite.plugins.source import PluginSource

log = structlog.get_logger("hoplite.manager")

_WAIT_SLICE_S = 1.0
"""How often a waiting call looks whether its client is still there."""


_STOP_SLICE_S = 0.2
"""How often a stop looks for jobs that have started meanwhile."""


def nobody_left() -> bool:
    """The default of ``given_up``: the caller goes on waiting."""
    return False


class JobManager:
    """Every command and every question about jobs.  All methods may be called from any thread.

    A command that returns has taken effect and is on disk.
    """

    def __init__(
        self,
        journal: Journal,
        executor: Executor,
        plugins: PluginSource,
        *,
        limits: Limits,
        address_file: Path,
        owners: Owners,
    ) -> None:
        self.limits = limits
        self.plugins = plugins
        self.executor = executor
        self.address = ServerAddress(address_file)
        # A directory without a job is of one that a damaged journal lost; its end is in there.
        self.table = JobTable(journal, lambda job_id: executor.directory(job_id).exists())
        self.timeline = Timeline(journal)
        self.resources = Resources(journal)
        self._rule_pool = RulePool(limits.admission_time_s, limits.admission_memory_bytes)
        self.rules = AdmissionRules(journal, self._rule_pool)
        self.admission = Admission(self.rules, self._rule_pool, self.table, self.resources, limits)
        self.retention = Retention(self.table, executor, limits)
        self.inbox = Inbox(self.table)
        self.launcher = Launcher(
            self.table,
            executor,
            plugins,
            limits,
            self.address,
            owners,
            self.inbox,
            lambda: self.resources.table,
        )
        self.queue = BatchQueue(
            Plan(self.table, self.resources, limits), self.table, executor, self.launcher, limits
        )
        self.batch = BatchCommands(self.table, self.queue, limits, self.admission)
        self.arrays = ArrayCommands(self.table, self.queue)
        self.search = JobSearch(self.table, self.batch)
        self.notices = Notices(self.table, owners, limits.sendmail)
        self._journal = journal
        self._owners = owners
        self._creation = Creation(
            journal,
            self.table,
            self.launcher,
            self.batch,
            plugins=plugins,
            limits=limits,
            owners=owners,
            retry=self.inbox.retry,
        )
        self._closed = False
        self.on_start: Callable[[Job], None] = lambda _job: None
        self.on_end: Callable[[Job], None] = lambda _job: None

    def open(self) -> Recovered:
        """Find the jobs of the last server, and begin."""
        self.resources.open()
        self.rules.open()
        self.executor.open(self.inbox)
        self.tell_problems()
        self.notices.open(self._journal.live_jobs())
        recovered = recover(self.table, self.executor, self.launcher)
        self.notices.watch(live.job for live in self.table.live)
        self.resources.holders = self.running
        self.resources.on_change = lambda _change: self.queue.resources_changed()
        self.queue.retry = self.inbox.retry
        self.queue.on_end = self._ended
        self.queue.plan.doubt()
        if recovered.running:
            self.address.publish()
        self.inbox.open(self._started, self._after_ends)
        self.queue.open()
        for live in self.table.live:
            if live.job.kill_by is not None:
                self.executor.kill(live.job.id, self.limits.kill_grace_s)
        self.inbox.retry()
        self.retention.open()
        return recovered

    def _started(self, job: Job) -> None:
        self.queue.started(job)
        self.on_start(job)

    def _after_ends(self, ended: list[Job]) -> None:
        for job in ended:
            self.launcher.places.give_back(job.id)
        for job in ended:
            self.on_end(job)
        try:
            self.queue.ended(ended)
            self.launcher.pump()
            self.queue.pump()
        finally:
            # At last: who waits for a place does not wait for the log.
            for job in ended:
                _log_end(job)

    def _ended(self, job: Job) -> None:
        self.on_end(job)
        _log_end(job)

    def serve_at(self, url: str) -> None:
        """Jobs report to ``url`` from now on; those that wait can start."""
        self.address.become(url)
        self.inbox.retry()

    @property
    def stopping(self) -> bool:
        return self.launcher.stopped

    def begin_stop(self) -> None:
        """Take no more work, and let everybody who waits go.  Jobs run on."""
        if not self.launcher.stopped:
            log.info("stopping", running=sum(live.job.running for live in self.table.live))
        self.launcher.stopped = True
        self.timeline.close()
        for live in self.table.live:
            live.wake()

    def close(self, *, stop_jobs: bool = False) -> None:
        """Stop.  Jobs run on and are found at the next start, unless ``stop_jobs`` kills them."""
        if self._closed:
            return
        self._closed = True
        self.begin_stop()
        with ExitStack() as steps:
            for step in (
                self._journal,
                self._rule_pool,
                self.inbox,
                self.executor,
                self.queue,
                self.retention,
                self.notices,
            ):
                steps.callback(step.close)
            if stop_jobs:
                self._stop_jobs()

    def _stop_jobs(self) -> None:
        """Kill what runs, and what was just being launched, and wait for the ends."""
        deadline = time.monotonic() + self.limits.kill_grace_s + 5
        while running := [live for live in self.table.live if live.job.running]:
            for live in running:
                if live.job.kill_by is None:
                    self._request_kill(live, SERVER)
                    self.executor.kill(live.job.id, self.limits.kill_grace_s)
            if time.monotonic() > deadline:
                return
            running[0].wait_past(running[0].job.version, _STOP_SLICE_S)

    def limit(self, limits: Limits) -> None:
        """Other limits from now on; what was granted by the former ones stays."""
        self.limits.become(limits)
        self.launcher.places.become(limits.max_running)
        self._rule_pool.become(limits.admission_time_s, limits.admission_memory_bytes)
        self.queue.plan.limits_changed()
        if not self.launcher.stopped:
            self.launcher.pump()
            self.queue.resources_changed()

    def create(self, caller: Caller, new: NewJob, key: str | None = None) -> tuple[Job, bool]:
        """A new job, started if asked for; or, with True, the one that ``key`` made before."""
        return self._creation.create(caller, new, key)

    def create_array(
        self, caller: Caller, jobs: Sequence[NewJob], key: str | None = None
    ) -> tuple[list[Job], bool]:
        """Jobs with batch parts and consecutive ids, all or none; or, with True, those that ``key``
        made before.  What the admission rules had to say of them, :meth:`said_of` tells."""
        return self._creation.create_array(caller, jobs, key)

    def said_of(self, job: Job) -> list[str]:
        """What the admission rules had to say of a job when it was submitted."""
        return said_of(self._journal.entries_of([job.id]))

    def resubmit(self, caller: Caller, ref: str, key: str | None = None) -> tuple[Job, bool]:
        """A new job that asks for the same as one that has ended; or, with True, the one that
        ``key`` made before.  See :meth:`BatchCommands.resubmit`."""
        return self._creation.resubmit(caller, ref, key)

    def dry_run(self, caller: Caller, jobs: Sequence[NewJob]) -> tuple[Admitted, Place | None]:
        """What the admission rules would make of jobs with a batch part, and where the first of
        them would be placed if they were created now; see :meth:`BatchCommands.dry_run`."""
        return self._creation.dry_run(caller, jobs)

    def account(self, owner: str) -> RunAs | None:
        """The account that ``owner``'s jobs run as; None: the server's own.  Raises
        :class:`~hoplite.exceptions.NotAuthorizedError` where there is none."""
        return self._owners.run_as(owner)

    def start(self, caller: Caller, ref: str) -> Job:
        """Start a job that was created and not started."""
        self._creation.check_may_submit(caller)
        live = self._owned_live(caller, ref, JobAlreadyStartedError)
        with live.lock:
            job = live.job
            if job.state is not State.HOLD:
                raise JobAlreadyStartedError(job.uuid)
            self._owners.run_as(job.owner)
            now = time.time()
            waiting = waiting_for_a_place(job, now)
            self.table.change(live, waiting, entry(waiting, Happening.QUEUED, caller.name, now))
        if job.batch is not None:
            self.queue.changed(job.id)
            return live.job
        self.launcher.places.wait(job.id)
        self._creation.pump_later_if_it_fails()
        return live.job

    def kill(self, caller: Caller, ref: str) -> Job:
        """Have a job end: SIGTERM to its whole tree was sent when this returns.  A job that waits is
        cancelled; an ended one stays as it is."""
        job = self.table.get(ref)
        self._check_owner(caller, job)
        live = self.table.find_live(job.id)
        if live is None:
            return self.table.get(ref)
        if self._request_kill(live, caller.name):
            crash_point("manager.before_kill")
            self.executor.kill(live.job.id, self.limits.kill_grace_s)
        self._tell_queue(live.job)
        return live.job

    def delete(self, caller: Caller, ref: str) -> Job:
        """OAR's delete: as :meth:`kill`, and a job on hold is cancelled too."""
        job = self.table.get(ref)
        self._check_owner(caller, job)
        live = self.table.find_live(job.id)
        if live is not None and self._cancel_held(live, caller.name).ended:
            return live.job
        return self.kill(caller, ref)

    def _tell_queue(self, ended: Job) -> None:
        """Of a job that was cancelled."""
        if ended.ended and (ids := self.queue.plan.concerned([ended])):
            self.queue.changed(*ids)

    def _request_kill(self, live: LiveJob, who: str) -> bool:
        """Journal who wants the job dead; True if there is a process to signal."""
        with live.lock:
            job, now = live.job, time.time()
            if job.state is State.HOLD:
                raise JobNotStartedError(job.uuid)
            if job.state is State.WAITING:
                self._cancel(live, who, now)
                return False
            if job.ended:
                return False
            if job.kill_by is None or job.granted.kill_reason is not None:
                self._note_kill(live, who, now)
        return True

    def _note_kill(self, live: LiveJob, who: str, now: float) -> None:
        """Who asks for the end of a job that the batch system is just ending, to run it again
        perhaps, has it end for good."""
        asked = msgspec.structs.replace(
            live.job,
            kill_by=who,
            kill_at=now if live.job.kill_at is None else live.job.kill_at,
            granted=msgspec.structs.replace(live.job.granted, kill_reason=None),
            version=live.job.version + 1,
            reason=f"{who} asked to kill it; SIGKILL follows after {self.limits.kill_grace_s:g} s",
        )
        try:
            self.table.change(live, asked, entry(asked, Happening.KILL_REQUESTED, who, now))
        except (StorageFullError, StorageUnavailableError) as error:
            # The job may be what fills the disk.  It is killed all the same, and who asked for it is
            # written down with its end.
            log.error("a kill could not be written down", job=asked.id, who=who, error=str(error))
            self.table.show(live, asked)

    def _cancel(self, live: LiveJob, who: str, now: float) -> None:
        reason = f"cancelled by {who} before it started"
        ended = live.job.at_end(Outcome.CANCELLED, now, reason=reason, kill_by=who, kill_at=now)
        self.table.change(live, ended, ended_entry(ended, who))
        self.launcher.places.leave_line(ended.id)
        self._ended(ended)

    def set_status(self, ref: str, api_key: str | None, status: msgspec.Raw) -> Job:
        """Replace the status; only the job itself can, by its key."""
        if len(status) > self.limits.max_status_bytes:
            raise TooLargeError(
                f"status is {len(status)} bytes; at most {self.limits.max_status_bytes} are taken",
                field="status",
            )
        job = self.table.get(ref)
        self.check_key(job, api_key)
        live = self.table.find_live(job.id)
        if live is None:
            raise _ended(job)
        with live.lock:
            if live.job.ended:
                raise _ended(live.job)
            moved = msgspec.structs.replace(
                live.job, status=status, progress=progress_in(status), version=live.job.version + 1
            )
            detail = {"progress": moved.progress} if moved.progress is not None else None
            now = time.time()
            self.table.set_status(live, moved, entry(moved, Happening.STATUS, JOB, now, detail))
        return moved

    @staticmethod
    def check_key(job: Job, api_key: str | None) -> None:
        """Raises :class:`~hoplite.exceptions.WrongApiKeyError` if ``api_key`` is not the job's."""
        given = key_hash(api_key or "")
        if not job.key_hash or not hmac.compare_digest(given, job.key_hash) or not api_key:
            raise WrongApiKeyError(
                f"the api_key is {'not that of this job' if api_key else 'missing'}; only the "
                "running job knows it",
                field="api_key",
            )

    def put_input(self, caller: Caller, ref: str, pieces: Iterable[bytes]) -> Job:
        """Give a job that was not started yet a file to read; raises JobAlreadyStartedError."""
        job = self.table.get(ref)
        self._check_owner(caller, job)
        self._check_held(job)
        self.executor.put_input(job.id, pieces)
        try:
            # It may have been started, or deleted, while the pieces came.
            self._check_held(self.table.get(ref))
        except JobDoesNotExistError:
            self.executor.forget([job.id])
            raise
        return job

    @staticmethod
    def _check_held(job: Job) -> None:
        if job.ended:
            raise JobEndedError(f"job {job.uuid} has ended; its input can be put before its start")
        if job.state is not State.HOLD:
            raise JobAlreadyStartedError(job.uuid)

    def forget(self, caller: Caller, ref: str) -> Job:
        """Forget a job that has ended, its log too, or one that was never started, which ends it."""
        with self.table.past:
            job = self._forget(caller, ref)
        self.executor.forget([job.id])
        log.info("job deleted", job=job.id, who=caller.name)
        return job

    def _forget(self, caller: Caller, ref: str) -> Job:
        job = self.table.get(ref)
        self._check_owner(caller, job)
        live = self.table.find_live(job.id)
        if live is not None and job.state is State.HOLD:
            job = self._cancel_held(live, caller.name)
        if not job.ended:
            raise JobNotEndedError(
                f"Job UUID: {job.uuid} is {job.state.value}; kill it or wait for its end, then delete it"
            )
        self._journal.commit(
            *forgetting(job, caller.name, f"deleted by {caller.name}", time.time())
        )
        return job

    def _cancel_held(self, live: LiveJob, who: str) -> Job:
        with live.lock:
            if live.job.state is State.HOLD:
                self._cancel(live, who, time.time())
        self._tell_queue(live.job)
        return live.job

    def job(self, ref: int | str) -> Job:
        """Raises :class:`~hoplite.exceptions.JobDoesNotExistError`."""
        return self.table.get(ref)

    def page(self, page: Page) -> Jobs:
        return self._journal.page(page)

    def running(self) -> list[Job]:
        """The jobs whose process exists, oldest first."""
        return sorted(
            (live.job for live in self.table.live if live.job.running), key=lambda job: job.id
        )

    def wait_for_end(
        self, ref: str, timeout_s: float, given_up: Callable[[], bool] = nobody_left
    ) -> Job:
        """The job as soon as it has ended, or as it is after ``timeout_s``."""
        live = self.table.find_live(ref)
        if live is None:
            return self.table.get(ref)
        return self._wait(live, timeout_s, given_up, lambda job: job.ended)

    def wait_for_change(
        self,
        ref: str,
        timeout_s: float,
        since: int | None,
        given_up: Callable[[], bool] = nobody_left,
    ) -> Job:
        """The job as soon as its version is over ``since`` (None: its version now)."""
        live = self.table.find_live(ref)
        if live is None:
            return self.table.get(ref)
        known = live.job.version if since is None else since
        return self._wait(live, timeout_s, given_up, lambda job: job.version > known or job.ended)

    def _wait(
        self,
        live: LiveJob,
        timeout_s: float,
        given_up: Callable[[], bool],
        enough: Callable[[Job], bool],
    ) -> Job:
        deadline = time.monotonic() + timeout_s
        while True:
            job = live.job
            left = deadline - time.monotonic()
            if enough(job) or left <= 0 or self.stopping or given_up():
                return job
            live.wait_past(job.version, min(left, _WAIT_SLICE_S))

    def reload(self) -> None:
        """See packages installed, upgraded or removed since; running jobs go on undisturbed."""
        self.plugins.reload()
        self.executor.reload()
        self.tell_problems()
        log.info("reloaded", plugins=len(self.plugins.plugins()))

    def tell_problems(self) -> None:
        """Log what is wrong with the packages that plugins come from."""
        for problem in self.plugins.problems():
            log.warning("a package has a problem", problem=problem)

    def _owned_live(
        self, caller: Caller, ref: str, if_ended: Callable[[str], Exception]
    ) -> LiveJob:
        job = self.table.get(ref)
        self._check_owner(caller, job)
        live = self.table.find_live(job.id)
        if live is None:
            raise if_ended(job.uuid)
        return live

    @staticmethod
    def _check_owner(caller: Caller, job: Job) -> None:
        if not caller.owns(job):
            raise NotAuthorizedError(
                f"job {job.uuid} belongs to {job.owner}; only {job.owner} and administrators may do this"
            )


def _log_end(job: Job) -> None:
    log.info("job ended", job=job.id, plugin=job.plugin, owner=job.owner,
             outcome=job.outcome, reason=job.reason)  # fmt: skip


def _ended(job: Job) -> JobEndedError:
    outcome = job.outcome.value if job.outcome else "ended"
    return JobEndedError(f"Job UUID: {job.uuid} has ended ({outcome}): its status is final")

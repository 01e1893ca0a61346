"""The queue of jobs that ask for resources: starts them, ends them, and wakes when something is due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec
import structlog

from hoplite.crashpoints import crash_point
from hoplite.exceptions import HopliteError, StorageFullError, StorageUnavailableError
from hoplite.execution.protocol import Executor
from hoplite.manager.batch_plan import Plan
from hoplite.manager.batch_turn import Start, Turn
from hoplite.manager.clocks import Clocks
from hoplite.manager.endings import ended_entry
from hoplite.manager.expiries import Expiries
from hoplite.manager.job_table import SERVER, JobTable, entry
from hoplite.manager.launching import Launcher, new_key
from hoplite.manager.limits import Limits
from hoplite.manager.live import LiveJob
from hoplite.manager.walltimes import Walltimes
from hoplite.model.job import Job
from hoplite.model.lifecycle import Event, Outcome, State
from hoplite.model.timeline import Entry, Happening

log = structlog.get_logger("hoplite.manager")

_RETRY_S = 1.0
_GIVE_WAY_S = 0.001
_MENDED = 32
"""For more jobs that change together the plan is made anew."""

_LOOK_S = 60.0
"""It is looked at least so often what is due: what is due at a time comes sooner when the clock is
set, or when the machine slept."""

_AN_INSTANT_S = 0.001


class BatchQueue:
    """Starts what the plan lets start.  Its thread does what is due at a time; everything else is
    done by those who bring the news, at once."""

    def __init__(
        self,
        plan: Plan,
        table: JobTable,
        executor: Executor,
        launcher: Launcher,
        limits: Limits,
    ) -> None:
        self.plan = plan
        self._table = table
        self._executor = executor
        self._launcher = launcher
        self._limits = limits
        self._clocks = Clocks(table, executor)
        self.walltimes = Walltimes(table, plan, self._clocks, limits)
        self._expiries = Expiries(plan.feasibility)
        self._gathered = threading.local()
        self._bell = threading.Condition()
        self._rung = False
        self._closed = False
        self._to_checkpoint: set[int] = set()
        self._thread = threading.Thread(target=self._run, name="hoplite-queue", daemon=True)
        self.on_end: Callable[[Job], None] = lambda _job: None
        self.retry: Callable[[], None] = lambda: None

    def open(self) -> None:
        """After the table was recovered: bring the processes to the state that is journalled."""
        self._clocks.on_trouble = self.ring
        lives = [live for live in self._table.live if live.job.batch is not None]
        for live in [live for live in lives if live.job.running]:
            with live.lock:
                self._clocks.restore(live.job)
            self._note_checkpoint(live.job)
        self.walltimes.open([live.job for live in lives])
        for live in lives:
            self._expiries.note(live.job)
        self._thread.start()

    def close(self) -> None:
        with self._bell:
            self._closed = True
            self._bell.notify()
        if self._thread.is_alive():
            self._thread.join(10)

    def resources_changed(self) -> None:
        """Plan anew, soon, in the queue's own thread."""
        self.plan.doubt()
        self.ring()

    def ring(self) -> None:
        """Have the thread look what is due."""
        with self._bell:
            self._rung = True
            self._bell.notify()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread says of :meth:`changed` in the body counts at its end, at once: a plan is
        made anew faster than it is mended for each of many jobs."""
        if self._gathering() is not None:
            yield
            return
        self._gathered.ids = gathered = list[int]()
        try:
            yield
        finally:
            self._gathered.ids = None
            if len(gathered) > _MENDED:
                self.plan.doubt()
            self.changed(*gathered)

    def _gathering(self) -> list[int] | None:
        found: list[int] | None = getattr(self._gathered, "ids", None)
        return found

    def changed(self, *job_ids: int) -> None:
        """These jobs are others, as the table shows; start what can start now.  Never raises: what
        cannot be written is tried again."""
        if (gathered := self._gathering()) is not None:
            gathered.extend(job_ids)
            return
        try:
            for job_id in job_ids:
                if (live := self._table.find_live(job_id)) is not None:
                    self._expiries.note(live.job)
            self.plan.look(job_ids)
            self.pump()
        except HopliteError as error:
            log.error("starts put off", error=str(error))
            self.retry()
        except Exception as error:
            log.error("defect", after_changes_of=job_ids, exc_info=error)
            self.plan.doubt()
            self.retry()

    def ended(self, jobs: Iterable[Job]) -> None:
        """These jobs are over, as the table shows; the caller sees to it that :meth:`pump` follows.
        Raises storage errors; then the plan is made anew."""
        jobs = list(jobs)
        for job in jobs:
            successor = job.granted.resubmitted_as
            if successor is not None and (live := self._table.find_live(successor)) is not None:
                self._expiries.note(live.job)
        self.plan.look(self.plan.concerned(jobs))

    def pump(self) -> None:
        """Start, and end, what is to be started and ended now.  Raises storage errors; then
        nothing is lost, and the plan is made anew from the table."""
        while self._launcher.ready:
            turn = self.plan.turn()
            try:
                self._start(turn.starts)
                ended = self._end(turn)
            except BaseException:
                self.plan.doubt()
                raise
            if not turn.starts and not ended:
                for job in self.walltimes.give_pending():
                    self._note_checkpoint(job)
                self.ring()
                break

    def started(self, job: Job) -> None:
        """The job's process exists: from now on its walltime runs."""
        if job.id in self._to_checkpoint:
            self.ring()

    def cancel(self, live: LiveJob, who: str, reason: str) -> bool:
        """End a job that has not started; False if it has.  The caller tells :meth:`changed`."""
        with live.lock:
            if not live.born or live.job.state not in (State.WAITING, State.HOLD):
                return False
            ended = _cancelled(live.job, who, reason)
            self._table.change(live, ended, ended_entry(ended, who))
        self.on_end(ended)
        return True

    def _expire(self, job_id: int, why: str) -> None:
        live = self._table.find_live(job_id)
        if live is not None and self.cancel(live, SERVER, f"cancelled: {why}"):
            self.plan.look([job_id])
        self._expiries.forget(job_id)

    def suspend(self, live: LiveJob, who: str) -> None:
        """Stop a running job's processes and its clock.  Call with ``live.lock`` held."""
        now = time.time()
        granted = msgspec.structs.replace(live.job.granted, suspended_at=now)
        job = live.job.moved(Event.SUSPENDED, granted=granted, reason=f"suspended by {who}")
        self._table.change(live, job, entry(job, Happening.SUSPENDED, who, now))
        crash_point("manager.before_stop")
        self._clocks.restore(job)

    def _start(self, starts: list[Start]) -> None:
        if not starts:
            return
        try:
            launches = self._journal(starts)
        finally:
            self.plan.settled([start.job_id for start in starts])
        for job, key in launches:
            self._note_checkpoint(job)
            self._launcher.launch(job, key)

    def _journal(self, starts: list[Start]) -> list[tuple[Job, str]]:
        """In one commit: the jobs as launched, each with its key, and those that go on."""
        launches: list[tuple[Job, str]] = []
        resumed: list[Job] = []
        late: list[Job] = []
        moves: list[tuple[LiveJob, Job, list[Entry]]] = []
        with self._table.locked({start.job_id for start in starts}) as lives:
            for start in starts:
                live = lives.get(start.job_id)
                if live is None:
                    continue
                why_late = self._expiries.why_too_late(live.job, start)
                if live.job.state is State.WAITING and why_late is not None:
                    job = _cancelled(live.job, SERVER, f"cancelled: {why_late}")
                    happened = ended_entry(job, SERVER)
                    late.append(job)
                elif live.job.state is State.WAITING:
                    key, hashed = new_key()
                    job = self._launched(live.job, start, hashed)
                    detail = {"resources": start.assigned, "walltime_s": start.walltime_s}
                    happened = entry(job, Happening.LAUNCHED, SERVER, time.time(), detail)
                    launches.append((job, key))
                elif live.job.state is State.RESUMING:
                    job = _continued(live.job, time.time())
                    happened = entry(job, Happening.RESUMED, SERVER, time.time())
                    resumed.append(job)
                else:
                    continue
                moves.append((live, job, [happened]))
            crash_point("manager.before_batch_launches")
            if moves:
                self._table.change_together(moves)
            for job in resumed:
                self._clocks.restore(job)
        for job in late:
            self.on_end(job)
        return launches

    def _launched(self, job: Job, start: Start, hashed: bytes) -> Job:
        granted = msgspec.structs.replace(
            job.granted,
            assigned=start.assigned,
            walltime_s=start.walltime_s,
            alternative=start.alternative,
        )
        return msgspec.structs.replace(self._launcher.launched(job, hashed), granted=granted)

    def _end(self, turn: Turn) -> bool:
        """Whether something was cancelled, so that the plan is another."""
        for job_id, other in turn.preemptions.items():
            self.kill(job_id, f"besteffort: ended by the scheduler, as job {other} needs its place")
        for job_id, resource in turn.stranded.items():
            self.kill(job_id, f"ended by the server, as resource {resource} is Dead")
        cancelled = []
        for job_id in turn.impossible:
            live = self._table.find_live(job_id)
            if live is not None and self.cancel(live, SERVER, self._why_impossible(live.job)):
                cancelled.append(job_id)
        self.plan.look(cancelled)
        return bool(cancelled)

    @staticmethod
    def _why_impossible(job: Job) -> str:
        if job.batch is not None and job.batch.starts_at is not None:
            return "cancelled: the resources that were reserved for it did not come back in time"
        return "cancelled: a job that it comes after did not succeed"

    def kill(self, job_id: int, reason: str) -> None:
        """End a job for the batch system's own reasons; a kill that is under way is not repeated."""
        live = self._table.find_live(job_id)
        if live is None:
            return
        with live.lock:
            job, now = live.job, time.time()
            if not job.running or job.kill_by is not None:
                return
            granted = msgspec.structs.replace(job.granted, kill_reason=reason)
            asked = msgspec.structs.replace(
                job, kill_by=SERVER, kill_at=now, granted=granted, version=job.version + 1
            )
            detail = {"reason": reason}
            happened = entry(asked, Happening.KILL_REQUESTED, SERVER, now, detail)
            try:
                self._table.change(live, asked, happened)
            except (StorageFullError, StorageUnavailableError) as error:
                # The job may be what fills the disk.  It is ended all the same, and why is written
                # down with its end.
                log.error("a kill could not be written down", job=job_id, error=str(error))
                self._table.show(live, asked)
        crash_point("manager.before_kill")
        self._executor.kill(job_id, self._limits.kill_grace_s)

    def _run(self) -> None:
        while True:
            with self._bell:
                self._bell.wait_for(lambda: self._rung or self._closed, self._until_due())
                rung, self._rung = self._rung, False
                if self._closed:
                    return
            try:
                self._do_what_is_due(rung)
            except HopliteError as error:
                log.error("starts put off", error=str(error))
                self.retry()
                self._pause()
            except Exception as error:
                log.error("defect", in_thread="hoplite-queue", exc_info=error)
                self.plan.doubt()
                self._pause()

    def _pause(self) -> None:
        with self._bell:
            self._bell.wait_for(lambda: self._closed, 1.0)

    def _until_due(self) -> float:
        """Seconds."""
        if not self._launcher.ready:
            # Nothing can be started; who makes that possible pumps, which rings.
            return _LOOK_S
        now = time.time()
        again_at = now + _RETRY_S if self._clocks.behind else None
        due = [self.plan.wake_at, again_at, self._expiries.next_at, *self._checkpoints().values()]
        return max(0.0, min([now + _LOOK_S, *(at for at in due if at is not None)]) - now)

    def _do_what_is_due(self, rung: bool) -> None:
        self._clocks.try_again()
        for job_id, at in self._checkpoints().items():
            if at is not None and at <= time.time():
                self._checkpoint_once(job_id)
        expired = self._expiries.due()
        for job_id, why in expired.items():
            self._expire(job_id, why)
        if not rung or expired or self.plan.wants_turn:
            self.pump()
        if not self.plan.settled_down:
            while not self._closed and not self.plan.improve():
                if self.plan.is_wanted:
                    time.sleep(_GIVE_WAY_S)
            self.pump()

    def walltime_changed(self, job: Job) -> None:
        """When it is to be checkpointed, and who can start, may be others."""
        self._note_checkpoint(job)
        self.changed(job.id)

    def _note_checkpoint(self, job: Job) -> None:
        if job.batch is not None and job.batch.checkpoint_s is not None:
            self._to_checkpoint.add(job.id)
            self.ring()

    def _checkpoints(self) -> dict[int, float | None]:
        """When each running job is to get its signal; None: not while it is as it is."""
        found: dict[int, float | None] = {}
        for job_id in list(self._to_checkpoint):
            live = self._table.find_live(job_id)
            batch = live.job.batch if live is not None else None
            if live is None or batch is None or batch.checkpoint_s is None:
                self._to_checkpoint.discard(job_id)
                continue
            end = live.job.walltime_ends_at if live.job.state is State.RUNNING else None
            found[job_id] = None if end is None else end - batch.checkpoint_s
        return found

    def _checkpoint_once(self, job_id: int) -> None:
        self._to_checkpoint.discard(job_id)
        try:
            self.checkpoint(job_id, SERVER)
        except HopliteError:
            self._to_checkpoint.add(job_id)
            raise

    def checkpoint(self, job_id: int, who: str) -> bool:
        """Send a running job its checkpoint signal; False if it does not run (any more)."""
        live = self._table.find_live(job_id)
        if live is None or live.job.batch is None:
            return False
        signum = live.job.batch.signal
        return self.signal(live, signum, who, Happening.CHECKPOINT_REQUESTED)

    def signal(self, live: LiveJob, signum: int, who: str, what: Happening) -> bool:
        """Send a running job a signal; False if it does not run (any more)."""
        with live.lock:
            if live.job.state is not State.RUNNING:
                return False
            job = msgspec.structs.replace(live.job, version=live.job.version + 1)
            self._table.change(live, job, entry(job, what, who, time.time(), {"signal": signum}))
        return self._executor.signal(job.id, signum)


def _cancelled(job: Job, who: str, reason: str) -> Job:
    now = time.time()
    return job.at_end(Outcome.CANCELLED, now, reason=reason, kill_by=who, kill_at=now)


def _continued(job: Job, now: float) -> Job:
    """A job that got its resources back.  It was suspended for some time, whatever the clock says:
    by that :class:`Clocks` knows that its processes were stopped."""
    since = job.granted.suspended_at if job.granted.suspended_at is not None else now
    granted = msgspec.structs.replace(
        job.granted,
        suspended_at=None,
        suspended_s=job.granted.suspended_s + max(_AN_INSTANT_S, now - since),
    )
    return job.moved(Event.CONTINUED, granted=granted, reason=None)

"""Jobs as processes of this machine."""

from __future__ import annotations

import errno
import logging
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from hoplite.crashpoints import crash_point
from hoplite.exceptions import HopliteError, StorageFullError, StorageUnavailableError
from hoplite.execution.local.adoption import (
    Claimed,
    Handle,
    LastBoot,
    end_of_claimed,
    settle,
)
from hoplite.execution.local.boot import boot_id
from hoplite.execution.local.event_loop import EventLoop
from hoplite.execution.local.job_files import JobFiles
from hoplite.execution.local.kills import Kills
from hoplite.execution.local.live_jobs import LiveJob, LiveJobs
from hoplite.execution.local.process_tree import (
    ProcessId,
    is_alive,
    kill_tree,
    send,
    signal_tree,
)
from hoplite.execution.local.warden_link import WardenLink
from hoplite.execution.local.wardens import Wardens
from hoplite.execution.local.watching import Watching
from hoplite.execution.local.wire import LOOK_AGAIN, Finished, FromWarden, Ready, Started
from hoplite.execution.protocol import (
    Ended,
    LaunchSpec,
    Listener,
    NeverStarted,
    Running,
    Verb,
)

_log = logging.getLogger(__name__)
_WAIT_FOR_PROCESS_S = 2.0
_LOOK_AFTER_WARDEN_S = 1.0
_SETTLE_RETRY_S = 1.0
_TRIES = 3
_STANDSTILL_S = 0.5
_FULL = (errno.ENOSPC, errno.EDQUOT)


class LocalExecutor:
    """The engine of this machine; see :class:`~hoplite.execution.protocol.Executor`.

    ``python`` is the interpreter that jobs run in.  Every job of an earlier server must have been
    adopted before the first ``launch``: only until then is it known whether the machine was booted
    between.
    """

    verbs = frozenset({Verb.KILL, Verb.SIGNAL, Verb.SUSPEND, Verb.RESUME})

    def __init__(self, data_dir: Path, *, python: str = sys.executable) -> None:
        self._data_dir = data_dir.absolute()
        self._jobs = LiveJobs()
        self._loop = EventLoop("hoplite-executor")
        self._wardens = Wardens(self._data_dir, python, self._loop, self._heard, self._warden_gone)
        self._watching = Watching(self._loop, self._conclude)
        self._kills = Kills(self._loop, self._jobs)
        self._last_boot = LastBoot(self._data_dir)
        self._rebooted = False
        self._listener: Listener | None = None
        self._closed = False

    def open(self, listener: Listener) -> None:
        """Get ready; raises StorageFullError or StorageUnavailableError if the data directory cannot
        be used, or no warden be started."""
        self._listener = listener
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._rebooted = self._last_boot.differs()
            self._wardens.start()
        except OSError as error:
            raise _unusable(f"jobs cannot be run from {self._data_dir}", error) from error
        self._loop.start()

    def launch(self, spec: LaunchSpec) -> None:
        """As the protocol says; what goes wrong is told by ``ended``."""
        job = LiveJob(spec.job_id, self._files(spec.job_id))
        job.spec = spec
        self._jobs.add(job)
        try:
            self._last_boot.note()
            job.launch = job.files.claims() + 1
            crash_point("executor.before-launch")
            self._wardens.launch(job)
        except OSError as error:
            self._could_not_launch(job, str(error))

    def adopt(self, job_id: int, handle: msgspec.Raw | None) -> Running | Ended | NeverStarted:
        """As the protocol says; raises StorageFullError or StorageUnavailableError if the job's
        directory cannot be read or written."""
        try:
            return self._adopt(job_id, self._files(job_id), handle)
        except OSError as error:
            raise _unusable(f"what became of job {job_id} cannot be told", error) from error

    def _adopt(
        self, job_id: int, files: JobFiles, handle: msgspec.Raw | None
    ) -> Running | Ended | NeverStarted:
        found = settle(files, rebooted=self._rebooted or _is_of_other_boot(handle))
        if not isinstance(found, Claimed):
            return found
        if (ended := end_of_claimed(files, found, 0.0)) is not None:
            self._clear_up(found)
            return ended
        job = LiveJob(job_id, files)
        self._adopted(job, found)
        return found.running()

    def signal(self, job_id: int, signum: int) -> bool:
        job = self._jobs.get(job_id)
        process = self._jobs.wait_for_process(job, _WAIT_FOR_PROCESS_S) if job else None
        return process is not None and signal_tree(process, signum)

    def extend(self, job_id: int, extra_s: float | None) -> None:
        """As the protocol says; raises OSError if it cannot be written."""
        files = self._files(job_id)
        files.write_extra_time(extra_s)
        launch = files.claims()
        claim = files.claim(launch) if launch else None
        if claim is None or claim.revoked:
            return
        send(claim.warden, LOOK_AGAIN)
        job = self._jobs.get(job_id)
        if job is not None:
            self._loop.call_soon(lambda: self._look_at_limit(job))

    def kill(self, job_id: int, grace_s: float) -> bool:
        job = self._jobs.get(job_id)
        if job is None:
            return False
        process = self._jobs.wait_for_process(job, _WAIT_FOR_PROCESS_S)
        if process is None:
            process = self._jobs.kill_when_started(job, grace_s)
        if process is None:
            return self._jobs.has(job)
        return self._kills.begin(job, process, grace_s)

    def reload(self) -> None:
        self._wardens.replace()

    def directory(self, job_id: int) -> Path:
        return Path(self._files(job_id).directory)

    def put_input(self, job_id: int, pieces: Iterable[bytes]) -> None:
        try:
            self._files(job_id).write_input(pieces)
        except OSError as error:
            raise _unusable(f"the input of job {job_id} cannot be kept", error) from error

    def forget(self, job_ids: Iterable[int]) -> None:
        for job_id in job_ids:
            try:
                self._files(job_id).remove()
            except (OSError, RecursionError) as error:
                _log.warning("the directory of job %d was not removed whole: %s", job_id, error)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._kills.finish()
        self._loop.stop()
        self._wardens.close()
        self._watching.close(self._jobs.all())

    def _files(self, job_id: int) -> JobFiles:
        return JobFiles.of(self._data_dir, job_id)

    def _heard(self, link: WardenLink, message: FromWarden) -> None:
        if isinstance(message, Ready):
            return
        job = self._jobs.get(message.job_id)
        if job is None or job.link is not link or job.launch != message.launch:
            return
        if isinstance(message, Started):
            self._started(job, message.process, message.at)
        elif isinstance(message, Finished):
            self._ended(job, message.ended)

    def _started(self, job: LiveJob, process: ProcessId, at: float) -> None:
        crash_point("executor.before-started")
        first, grace_s = self._jobs.exists_as(job, process)
        if first:
            handle = Handle.of(process, job.launch).raw()
            self._tell(lambda to: to.started(job.job_id, Running(handle=handle, started_at=at)))
        if grace_s is not None:
            self._kills.begin(job, process, grace_s)

    def _ended(self, job: LiveJob, ended: Ended) -> None:
        crash_point("executor.before-ended")
        if self._jobs.remove(job):
            self._tell(lambda to: to.ended(job.job_id, ended))

    def _tell(self, call: Callable[[Listener], None]) -> None:
        assert self._listener is not None  # set before the loop starts
        try:
            call(self._listener)
        except Exception:  # noqa: BLE001 - the listener's defect must not cost the next message
            _log.exception("the listener failed")

    def _could_not_launch(self, job: LiveJob, why: str) -> None:
        ended = Ended(launch_error=why, at=time.time())
        self._loop.call_soon(lambda: self._ended(job, ended))

    def _warden_gone(self, link: WardenLink, trouble: str | None) -> None:
        """Its jobs are told of by their directories from now on; those it never got to are launched
        again.  ``trouble``: why there will be no other warden."""
        for job in self._jobs.of(link):
            self._settle(job, trouble)

    def _settle(self, job: LiveJob, trouble: str | None) -> None:
        try:
            found = settle(job.files, rebooted=False)
        except OSError as error:
            # Its launch was not revoked: a child that is late may yet run it, so no end is told.
            _log.warning("what became of job %d cannot be told yet: %s", job.job_id, error)
            self._loop.call_later(_SETTLE_RETRY_S, lambda: self._settle(job, trouble))
            return
        try:
            self._take_up(job, found, trouble)
        except OSError as error:
            self._could_not_launch(job, str(error))

    def _take_up(
        self, job: LiveJob, found: Claimed | Ended | NeverStarted, trouble: str | None
    ) -> None:
        if isinstance(found, Claimed):
            self._adopted(job, found)
        elif isinstance(found, Ended):
            self._ended(job, found)
        elif trouble is None and job.tries < _TRIES:
            job.tries += 1
            job.launch = job.files.claims() + 1
            self._wardens.launch(job)
        else:
            self._could_not_launch(job, trouble or "its wardens died, one after the other")

    def _adopted(self, job: LiveJob, claimed: Claimed) -> None:
        job.claimed, job.launch, job.link = claimed, claimed.launch, None
        if job.spec is None:
            self._jobs.exists_as(job, claimed.claim.process)
            self._jobs.add(job)
        else:
            self._started(job, claimed.claim.process, claimed.at)
        self._loop.call_soon(lambda: self._watching.watch(job))
        self._look_at_limit(job)

    def _look_at_limit(self, job: LiveJob) -> None:
        """End an adopted job whose time is over, unless its warden lives and sees to that."""
        if job.claimed is None or job.claimed.claim.timeout_s is None or not self._jobs.has(job):
            return
        claim, later = job.claimed.claim, _left_s(job)
        if later <= 0 and is_alive(claim.warden):
            later = _LOOK_AFTER_WARDEN_S
        if later > 0:
            job.looks += 1
            nth = job.looks
            self._loop.call_later(
                later, lambda: self._look_at_limit(job) if job.looks == nth else None
            )
        elif not job.timed_out:
            job.timed_out = True
            self._kills.begin(job, claim.process, claim.kill_grace_s)

    def _conclude(self, job: LiveJob, waited_s: float) -> bool:
        """The adopted job's process is gone; False if its end may still be written down."""
        assert job.claimed is not None  # only such jobs are watched
        ended = end_of_claimed(job.files, job.claimed, waited_s)
        if ended is None:
            return False
        self._clear_up(job.claimed)
        if job.timed_out:
            ended = msgspec.structs.replace(ended, timed_out=True)
        self._ended(job, ended)
        return True

    def _clear_up(self, claimed: Claimed) -> None:
        """What a warden does at the end of a job, where there is none any more."""
        if not is_alive(claimed.claim.warden) and claimed.claim.boot_id == boot_id():
            kill_tree(claimed.claim.process)


def _left_s(job: LiveJob) -> float:
    """For how many seconds an adopted job has time yet, or at least nobody need look."""
    assert job.claimed is not None  # it was adopted
    assert job.claimed.claim.timeout_s is not None
    left_s = job.claimed.at + job.claimed.claim.timeout_s - time.time()
    extra_s = job.files.read_extra_time()
    return max(left_s, _STANDSTILL_S) if extra_s is None else left_s + extra_s


def _is_of_other_boot(handle: msgspec.Raw | None) -> bool:
    return handle is not None and msgspec.json.decode(handle, type=Handle).boot_id != boot_id()


def _unusable(what: str, error: OSError) -> HopliteError:
    kind = StorageFullError if error.errno in _FULL else StorageUnavailableError
    return kind(f"{what}: {error}")

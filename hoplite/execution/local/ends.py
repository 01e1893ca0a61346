"""How the jobs of a warden ended, and getting that to the disk."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import time
from typing import Any

import msgspec

from hoplite.execution.local.job_files import JobFiles
from hoplite.execution.local.process_tree import ProcessId
from hoplite.execution.protocol import Ended
from hoplite.execution.written import ReportFile

_RETRY_S = 1.0
_GIVE_UP_S = 600.0
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_OOM_AGE_S = 1.0


class WardedJob(msgspec.Struct):
    """A living child of the warden."""

    job_id: int
    launch: int
    files: JobFiles
    process: ProcessId
    oom_kills: int
    """The kernel's count of out-of-memory kills when it started."""
    kill_grace_s: float = 0.0
    limit_at: float | None = None
    """When its time is over if it is not put off.  A time of :func:`time.monotonic`, as below."""
    times_out_at: float | None = None
    """When its time is over, or it is to be looked at whether it is."""
    kill_at: float | None = None
    """SIGKILL is due, SIGTERM was sent."""
    timed_out: bool = False


def end_of(
    job: WardedJob, status: int, usage: resource.struct_rusage, report: ReportFile | None
) -> Ended:
    """The end of ``job``, whose wait status is ``status``."""
    signum = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    return Ended(
        exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=signum,
        timed_out=job.timed_out,
        out_of_memory=signum == signal.SIGKILL and oom_kills(fresh=True) > job.oom_kills,
        usage=_usage(usage),
        report=None if report is None else report.plain(),
        log_bytes=job.files.log_bytes(),
        at=time.time(),
    )


def _usage(usage: resource.struct_rusage) -> dict[str, Any]:
    return {
        "user_s": usage.ru_utime,
        "system_s": usage.ru_stime,
        "max_rss_bytes": usage.ru_maxrss * _RSS_UNIT,
    }


class PendingEnds:
    """Writes ends into the jobs' directories; one that the disk does not take is tried again."""

    def __init__(self) -> None:
        self._waiting: list[tuple[JobFiles, Ended, float]] = []
        self.retry_at: float | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def write(self, files: JobFiles, ended: Ended) -> None:
        """Write it now, or again from time to time until it succeeds or ten minutes are over."""
        self._write(files, ended, time.monotonic() + _GIVE_UP_S)

    def retry(self) -> None:
        """Try again what is waiting."""
        waiting, self._waiting, self.retry_at = self._waiting, [], None
        for one in waiting:
            self._write(*one)

    def _write(self, files: JobFiles, ended: Ended, deadline: float) -> None:
        try:
            files.write_end(ended)
        except OSError as error:
            # A directory that is gone was forgotten by the server: it knows the end.
            if error.errno != errno.ENOENT and time.monotonic() < deadline:
                self._waiting.append((files, ended, deadline))
                self.retry_at = time.monotonic() + _RETRY_S


class _OomCount:
    """The kernel's count, looked up at most once a second: the file is slow to read."""

    def __init__(self) -> None:
        self._count = 0
        self._at = 0.0

    def value(self, *, fresh: bool) -> int:
        now = time.monotonic()
        if fresh or now - self._at > _OOM_AGE_S:
            self._count, self._at = _read_oom_kills(), now
        return self._count


_oom_count = _OomCount()


def oom_kills(*, fresh: bool = False) -> int:
    """How many processes the kernel has killed for want of memory; ``fresh``: as of now, else as of
    a second ago at most."""
    return _oom_count.value(fresh=fresh)


def _read_oom_kills() -> int:
    try:
        with open("/proc/vmstat", "rb", buffering=0) as file:
            _, found, rest = file.read().partition(b"\noom_kill ")
    except OSError:
        return 0
    return int(rest.split(None, 1)[0]) if found else 0

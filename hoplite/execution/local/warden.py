"""The process that jobs are forked from: ``python -m hoplite.execution.local.warden FD``.

A warden is a fresh interpreter in a session of its own, with one thread and one connection, to the
server that started it.  It forks a child per job, waits for it, clears up what the job left running
and writes the job's end into its directory before it tells the server.  When the server goes away
the warden stays until its last child is gone, so the true end of every job is on disk.
"""

from __future__ import annotations

import gc
import heapq
import importlib.util
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator

from hoplite.crashpoints import crash_point
from hoplite.execution.local.boot import boot_id
from hoplite.execution.local.child import BLOCKED, OpenFiles, adopt_orphans, become_job, set_comm
from hoplite.execution.local.ends import PendingEnds, WardedJob, end_of, oom_kills
from hoplite.execution.local.job_files import Claim, JobFiles
from hoplite.execution.local.leftovers import clear_up, kill_orphans
from hoplite.execution.local.process_tree import ProcessId, identity, kill_tree, terminate_tree
from hoplite.execution.local.wire import (
    Finished,
    Frames,
    FromWarden,
    Launch,
    Ready,
    Started,
    framed,
    launch_decoder,
)
from hoplite.execution.protocol import Ended

PRELOADED = ("json", "requests", "subprocess", "hoplite.client.status_updater")
"""What jobs need not import, because every warden has."""

_RECEIVE_BYTES = 256 * 1024
_SWEEP_S = 5.0
_STANDSTILL_S = 0.5
"""How often it is looked whether the time of a suspended job that is overdue goes on."""


class Warden:
    """The loop.  ``connection`` leads to the server."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._me = identity(os.getpid()) or ProcessId(os.getpid(), 0)
        self._frames = Frames()
        self._to_send = bytearray()
        self._hears = True
        self._jobs: dict[int, WardedJob] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._ends = PendingEnds()
        self._sweep_at: float | None = None
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until the server is gone and the last child too."""
        wakeup, notified = socket.socketpair()
        for end in (self._connection, wakeup, notified):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(notified.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._connection, selectors.EVENT_READ)
        self._selector.register(wakeup, selectors.EVENT_READ)
        self._tell(Ready(self._me))
        while self._hears or self._jobs or self._ends:
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is wakeup:
                    wakeup.recv(4096)
                else:
                    self._serve_connection()
            self._reap()
            self._on_time()
        kill_orphans(self._jobs)

    def _pause(self) -> float | None:
        """Seconds until something is due."""
        due = [at for at in (self._ends.retry_at, self._sweep_at) if at is not None]
        if self._deadlines:
            due.append(self._deadlines[0][0])
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _serve_connection(self) -> None:
        self._flush()
        if not self._hears:
            return
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hears = False
            self._watch_connection()
        for body in self._frames.feed(data):
            self._launch(launch_decoder.decode(body))

    def _launch(self, launch: Launch) -> None:
        files = JobFiles(launch.directory)
        try:
            opened = OpenFiles.of(files, launch.spec)
        except OSError as error:
            self._tell_failed(launch.spec.job_id, launch.launch, error)
            return
        try:
            crash_point("warden.before-fork")
            pid = os.fork()
            if pid == 0:
                _in_child(launch, files, opened, self._me)
            crash_point("warden.after-fork")
        except OSError as error:
            self._tell_failed(launch.spec.job_id, launch.launch, error)
            return
        finally:
            opened.close()
        self._keep(launch, files, pid)

    def _tell_failed(self, job_id: int, launch: int, error: OSError) -> None:
        ended = Ended(launch_error=str(error), at=time.time())
        self._tell(Finished(job_id=job_id, launch=launch, ended=ended))

    def _keep(self, launch: Launch, files: JobFiles, pid: int) -> None:
        spec = launch.spec
        job = WardedJob(
            spec.job_id, launch.launch, files, identity(pid) or ProcessId(pid, 0), oom_kills()
        )
        job.kill_grace_s = spec.kill_grace_s
        self._jobs[pid] = job
        if spec.timeout_s is not None:
            job.limit_at = time.monotonic() + spec.timeout_s
            heapq.heappush(self._deadlines, (job.limit_at, pid))
        self._tell(
            Started(job_id=job.job_id, launch=job.launch, process=job.process, at=time.time())
        )

    def _reap(self) -> None:
        for pid in _zombies():
            job = self._jobs.get(pid)
            if job is None:
                os.waitpid(pid, 0)
            else:
                self._end(job)

    def _end(self, job: WardedJob) -> None:
        # Still a zombie: its pid, and the group and session of that number, are its own.
        report = job.files.read_report()
        if report is None or not report.childless:
            clear_up(job.process, self._jobs)
        _, status, usage = os.wait4(job.process.pid, 0)
        del self._jobs[job.process.pid]
        try:
            if not self._is_claimed(job):
                return  # The launch was revoked; the child saw that and did nothing.
        except OSError as error:
            # The child could not make its claim either, so it did nothing.
            self._tell_failed(job.job_id, job.launch, error)
            return
        ended = end_of(job, status, usage, report)
        crash_point("warden.before-end")
        self._ends.write(job.files, ended)
        self._tell(Finished(job_id=job.job_id, launch=job.launch, ended=ended))
        if self._sweep_at is None:
            self._sweep_at = time.monotonic() + _SWEEP_S

    def _is_claimed(self, job: WardedJob) -> bool:
        """Whether the claim is the job's own; a child that died before it made one gets it now."""
        if job.files.try_claim(job.launch, Claim.of(job.process, self._me, boot_id())):
            return True
        claim = job.files.claim(job.launch)
        return claim is not None and claim.process == job.process

    def _on_time(self) -> None:
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            self._out_of_time(heapq.heappop(self._deadlines)[1])
        if self._ends.retry_at is not None and self._ends.retry_at <= now:
            self._ends.retry()
        if self._sweep_at is not None and self._sweep_at <= now:
            # For what a job hid: it may have lied about its children.
            self._sweep_at = None
            kill_orphans(self._jobs)

    def _out_of_time(self, pid: int) -> None:
        job = self._jobs.get(pid)
        if job is None:
            return
        if job.timed_out:
            kill_tree(job.process)
            return
        extra_s = job.files.read_extra_time()
        now = time.monotonic()
        if extra_s is None or job.limit_at + extra_s > now:
            later = now + _STANDSTILL_S if extra_s is None else job.limit_at + extra_s
            heapq.heappush(self._deadlines, (later, pid))
            return
        job.timed_out = True
        terminate_tree(job.process)
        heapq.heappush(self._deadlines, (time.monotonic() + job.kill_grace_s, pid))

    def _tell(self, message: FromWarden) -> None:
        self._to_send += framed(message)
        self._flush()

    def _flush(self) -> None:
        try:
            while self._to_send:
                sent = self._connection.send(self._to_send)
                del self._to_send[:sent]
        except BlockingIOError:
            pass
        except OSError:
            # Nobody listens; what there is to say is on disk.
            self._to_send.clear()
        self._watch_connection()

    def _watch_connection(self) -> None:
        wanted = selectors.EVENT_READ if self._hears else 0
        wanted |= selectors.EVENT_WRITE if self._to_send else 0
        known = self._selector.get_map().get(self._connection)
        if known is None and wanted:
            self._selector.register(self._connection, wanted)
        elif known is not None and not wanted:
            self._selector.unregister(self._connection)
        elif known is not None and known.events != wanted:
            self._selector.modify(self._connection, wanted)


def _zombies() -> Iterator[int]:
    """Pids of children that ended, each to be waited for before the next is asked for."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None:
            return
        yield found.si_pid


def _in_child(launch: Launch, files: JobFiles, opened: OpenFiles, warden: ProcessId) -> None:
    try:
        become_job(launch, files, opened, warden)
    except BaseException:  # noqa: B902, BLE001 - whatever it is, this process must not become a second warden
        traceback.print_exc()
    finally:
        os._exit(70)


def main(arguments: list[str]) -> None:
    """Detach from the process that started this one, get ready, and serve."""
    if os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    os.environ.pop("HOPLITE_CRASH_AT", None)
    os.umask(0o066)
    os.chdir("/")
    set_comm("hoplite-warden")
    adopt_orphans()
    for name in PRELOADED:
        importlib.import_module(name)
    # A search through all of the path fills the finders' caches, once for all children.
    importlib.util.find_spec("hoplite_job_plugin_that_does_not_exist")
    connection = socket.socket(fileno=int(arguments[1]))
    os.set_inheritable(connection.fileno(), False)
    gc.disable()
    gc.collect()
    gc.freeze()
    Warden(connection).run()


if __name__ == "__main__":
    main(sys.argv)

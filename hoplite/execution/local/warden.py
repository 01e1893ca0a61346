"""The process that jobs are forked from: ``python -m hoplite.execution.local.warden FD``.

A warden is a fresh interpreter in a session of its own, with one thread and one connection, to the
server that started it.  It forks a child per job, waits for it, clears up what the job left running
and writes the job's end into its directory before it tells the server.  When the server goes away
the warden stays until its last child is gone, so the true end of every job is on disk.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from hoplite.crashpoints import crash_point
from hoplite.execution.local.boot import boot_id
from hoplite.execution.local.child import BLOCKED, OpenFiles, adopt_orphans, become_job, set_comm
from hoplite.execution.local.deadlines import Deadlines
from hoplite.execution.local.ends import PendingEnds, WardedJob, end_of, oom_kills
from hoplite.execution.local.job_files import Claim, JobFiles
from hoplite.execution.local.leftovers import clear_up, kill_orphans
from hoplite.execution.local.process_tree import ProcessId, identity
from hoplite.execution.local.wire import (
    LOOK_AGAIN,
    Finished,
    FromWarden,
    Kill,
    LaunchHead,
    OneFrame,
    Ready,
    Started,
    framed,
    head_decoder,
    launch_decoder,
    wipe,
)
from hoplite.execution.protocol import Ended

PRELOADED = (
    "encodings.idna",
    "http.client",
    "json",
    "subprocess",
    "tempfile",
    "hoplite.client.status_updater",
    "hoplite.remote_enabler.performing",
    "importlib.metadata",
    "logging",
)
"""What jobs need not import, because every warden has."""

_SWEEP_S = 5.0


class Forked(NamedTuple):
    """What a child starts with."""

    body: bytearray
    """Of the frame that holds its launch."""
    files: JobFiles
    opened: OpenFiles
    warden: ProcessId


class Warden:
    """The loop.  ``connection`` leads to the server."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._me = identity(os.getpid()) or ProcessId(os.getpid(), 0)
        self._next_frame = OneFrame(connection)
        self._to_send = bytearray()
        self._hears = True
        self._jobs: dict[int, WardedJob] = {}
        jobs = self._jobs  # not self: a child lets go of it at once, not when cycles are collected
        self._deadlines = Deadlines(lambda job: jobs.get(job.process.pid) is job)
        self._ends = PendingEnds()
        self._sweep_at: float | None = None
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._notified = socket.socketpair()

    def run(self) -> Forked | None:
        """Serve until the server is gone and the last child too.

        In a child it returns at once, with what is to be run: a plugin must find neither this
        object nor a frame of its methods, which know of other owners' jobs.
        """
        for end in (self._connection, self._wakeup, self._notified):
            end.setblocking(False)
        for signum in (signal.SIGCHLD, LOOK_AGAIN):
            signal.signal(signum, lambda *_: None)
        signal.set_wakeup_fd(self._notified.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._connection, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._tell(Ready(self._me))
        while self._hears or self._jobs or self._ends:
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is self._wakeup:
                    self._notice(self._wakeup.recv(4096))
                elif (forked := self._serve_connection()) is not None:
                    self._let_go()
                    return forked
            self._reap()
            self._on_time()
        kill_orphans(self._jobs)
        return None

    def _notice(self, signals: bytes) -> None:
        if LOOK_AGAIN in signals:
            self._deadlines.look_again(self._jobs.values())

    def _let_go(self) -> None:
        """In a child: close what is the warden's, and keep no word of other jobs."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for end in (self._connection, self._wakeup, self._notified):
            end.close()
        wipe(self._to_send)

    def _pause(self) -> float | None:
        """Seconds until something is due."""
        times = (self._ends.retry_at, self._sweep_at, self._deadlines.next_at)
        due = [at for at in times if at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _serve_connection(self) -> Forked | None:
        """Do what one message asks for; in a child, answer what it is to run."""
        self._flush()
        if not self._hears:
            return None
        try:
            body = self._next_frame.read()
        except EOFError:
            self._hears = False
            self._watch_connection()
            return None
        if body is None:
            return None
        message = head_decoder.decode(body)
        if isinstance(message, Kill):
            self._kill(message)
            return None
        forked = self._launch(message, body)
        if forked is None:
            wipe(body)
        return forked

    def _launch(self, launch: LaunchHead, body: bytearray) -> Forked | None:
        files = JobFiles(launch.directory)
        try:
            opened = OpenFiles.of(files, launch.spec.run_as)
        except OSError as error:
            self._tell_failed(launch.spec.job_id, launch.launch, error)
            return None
        crash_point("warden.before-fork")
        try:
            pid = os.fork()
        except OSError as error:
            opened.close()
            self._tell_failed(launch.spec.job_id, launch.launch, error)
            return None
        if pid == 0:
            return Forked(body, files, opened, self._me)
        crash_point("warden.after-fork")
        opened.close()
        self._keep(launch, files, pid)
        return None

    def _kill(self, kill: Kill) -> None:
        for job in self._jobs.values():
            if (job.job_id, job.launch) == (kill.job_id, kill.launch):
                self._deadlines.kill(job, kill.grace_s)

    def _tell_failed(self, job_id: int, launch: int, error: OSError) -> None:
        ended = Ended(launch_error=str(error), at=time.time())
        self._tell(Finished(job_id=job_id, launch=launch, ended=ended))

    def _keep(self, launch: LaunchHead, files: JobFiles, pid: int) -> None:
        spec = launch.spec
        job = WardedJob(
            spec.job_id, launch.launch, files, identity(pid) or ProcessId(pid, 0), oom_kills()
        )
        job.kill_grace_s = spec.kill_grace_s
        self._jobs[pid] = job
        if spec.timeout_s is not None:
            self._deadlines.time_out(job, spec.timeout_s)
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
        self._deadlines.carry_out()
        if self._ends.retry_at is not None and self._ends.retry_at <= now:
            self._ends.retry()
        if self._sweep_at is not None and self._sweep_at <= now:
            # For what a job hid: it may have lied about its children.
            self._sweep_at = None
            kill_orphans(self._jobs)

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


def _in_child(forked: Forked) -> NoReturn:
    try:
        launch = launch_decoder.decode(forked.body)
        become_job(launch, forked.files, forked.opened, forked.warden)
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
    gc.disable()
    gc.collect()
    gc.freeze()
    forked = _warden(int(arguments[1])).run()
    if forked is not None:
        _in_child(forked)


def _warden(descriptor: int) -> Warden:
    os.set_inheritable(descriptor, False)
    return Warden(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    main(sys.argv)

"""From a fork of the warden to a job: what the child does before the plugin is run."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import io
import os
import signal
import sys
from typing import NoReturn

import msgspec

from hoplite.crashpoints import crash_point
from hoplite.execution.local import accounts
from hoplite.execution.local.boot import boot_id
from hoplite.execution.local.job_files import Claim, JobFiles
from hoplite.execution.local.process_tree import LINUX, ProcessId, identity
from hoplite.execution.local.wire import LOOK_AGAIN, Launch
from hoplite.execution.protocol import LaunchSpec, RunAs
from hoplite.execution.runner import Step, run_job
from hoplite.model.fault import Fault

BLOCKED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
"""Signals that a warden does not hear.  They are blocked, not ignored: one that comes for a child
before it is ready then waits for it and is not lost."""

_REPORT_FD = 3
_COMM_LENGTH = 15
_MANY_DESCRIPTORS = 65536
_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None).prctl if LINUX else None


class OpenFiles(msgspec.Struct, frozen=True):
    """Descriptors that the job's process starts with."""

    stdin: int
    stdout: int
    stderr: int
    report: int

    @classmethod
    def of(cls, files: JobFiles, run_as: RunAs | None) -> OpenFiles:
        """Make the job's directory and open its files, as the server's account; raises OSError."""
        files.make()
        opened: list[int] = []
        try:
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            for path in (files.stdout, files.stderr):
                opened.append(_open(path, os.O_APPEND))
                _give(opened[-1], run_as)
            opened.append(_open(files.report, os.O_TRUNC))
            _make_work(files.work, run_as)
        except OSError:
            _close(opened)
            raise
        return cls(*opened)

    def close(self) -> None:
        _close([self.stdin, self.stdout, self.stderr, self.report])


def adopt_orphans() -> None:
    """Have descendants whose parents died become this process's children (Linux)."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def set_comm(name: str) -> None:
    """The short name that ``ps`` and ``top`` show."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "wb", buffering=0) as file:
        file.write(name.encode())


def become_job(launch: Launch, files: JobFiles, opened: OpenFiles, warden: ProcessId) -> NoReturn:
    """In the forked child: claim the job and run it.  Ends without a trace if the launch was
    revoked."""
    os.setsid()
    # The job keeps what descends from it below itself for as long as it lives, whatever forks twice
    # or makes sessions: so its tree is always complete, and never mixed up with another job's.
    adopt_orphans()
    me = identity(os.getpid()) or ProcessId(os.getpid(), 0)
    spec = launch.spec
    claim = Claim.of(me, warden, boot_id(), spec.timeout_s, spec.kill_grace_s)
    crash_point("child.before-claim")
    if not files.try_claim(launch.launch, claim):
        os._exit(0)
    crash_point("child.after-claim")
    name = f"hoplite-job-{spec.job_id}"
    set_comm(name if len(name) <= _COMM_LENGTH else f"job-{spec.job_id}")
    _take(opened)
    _reset_signals()
    gc.enable()
    steps = [
        Step(lambda: _settle(spec, files)),
        Step(lambda: _enter(spec.workdir), Fault.WORKING_DIRECTORY),
        Step(lambda: _redirect(spec), Fault.OUTPUT_FILES),
    ]
    run_job(spec, _REPORT_FD, steps)


def _take(opened: OpenFiles) -> None:
    for number, descriptor in enumerate((opened.stdin, opened.stdout, opened.stderr)):
        os.dup2(descriptor, number)
    if opened.report != _REPORT_FD:
        os.dup2(opened.report, _REPORT_FD, inheritable=False)
    os.closerange(_REPORT_FD + 1, min(os.sysconf("SC_OPEN_MAX"), _MANY_DESCRIPTORS))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # By lines, for those who follow the log.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGCHLD, LOOK_AGAIN):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable(2)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _settle(spec: LaunchSpec, files: JobFiles) -> None:
    os.umask(0o022)
    if spec.run_as is not None and spec.run_as.uid != os.geteuid():
        accounts.enter_environment(spec.run_as)
    workdir = spec.workdir or files.work
    if spec.workdir is None:
        # Now, while this process may still go through the server's directories.
        os.chdir(workdir)
    _give_input(files.input, spec.run_as)
    for texts, mode in ((spec.files, 0o600), (spec.programs, 0o700)):
        for name, text in texts.items():
            _make_file(f"{files.directory}/{name}", text, mode, spec.run_as)
    os.environ["HOPLITE_JOB_ID"] = str(spec.job_id)
    os.environ["HOPLITE_JOB_UUID"] = spec.uuid
    os.environ["PWD"] = workdir
    if spec.run_as is not None:
        accounts.become(spec.run_as)
    os.environ.update(spec.env)


def _redirect(spec: LaunchSpec) -> None:
    for path, descriptor in ((spec.stdout, 1), (spec.stderr, 2)):
        if path is not None:
            _append_to(path, descriptor)


def _enter(workdir: str | None) -> None:
    if workdir is None:
        return
    try:
        os.chdir(workdir)
    except OSError as error:
        raise type(error)(
            error.errno, f"the job's workdir cannot be entered: {error.strerror}", workdir
        ) from None


def _append_to(path: str, descriptor: int) -> None:
    """Have ``descriptor`` lead to the end of a file of the job's account."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise type(error)(
            error.errno, f"the job's output file cannot be opened: {error.strerror}", path
        ) from None
    os.dup2(opened, descriptor)
    os.close(opened)


def _open(path: str, how: int, mode: int = 0o600) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | how
    return os.open(path, flags, mode)


def _give(descriptor: int, run_as: RunAs | None) -> None:
    """The output belongs to the job's account, so that the job can open /dev/stdout."""
    if run_as is not None and os.geteuid() == 0:
        os.fchown(descriptor, run_as.uid, run_as.gid)


def _give_input(path: str, run_as: RunAs | None) -> None:
    if run_as is None or os.geteuid() != 0:
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    _give(descriptor, run_as)
    os.close(descriptor)


def _make_work(path: str, run_as: RunAs | None) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
        if run_as is not None and os.geteuid() == 0:
            os.chown(path, run_as.uid, run_as.gid)


def _make_file(path: str, text: str, mode: int, run_as: RunAs | None) -> None:
    # Anew: an earlier launch may have made it, and its account may have changed it.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = _open(path, os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        _give(descriptor, run_as)
        file.write(text)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)

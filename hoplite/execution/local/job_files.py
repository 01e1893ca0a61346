"""The directory of one job, and the claims in it.

::

    <data_dir>/jobs/000001/1234/
        claim.1        who runs the job (or that nobody may): made once, never changed
        stdout stderr  the job's output
        report.json    the outcome, as the job's own process tells it
        exit.json      the end, as the warden saw it, with the report in it
        extra_time     by how many seconds its time limit was put off; null: it stands still
        input          what was put for the job before its start, if anything was
        work/          the job's working directory, the only place that its account may write;
                       its result file, if it leaves one, is .hoplite-result in there

Whether a launch may run its job is decided by one atomic step: making ``claim.N``, a symbolic link
whose target is the claim's text, which either appears whole or fails because it exists.  A child of
launch N makes ``claim.N`` before it runs anything.  A server that wants to launch again makes
``claim.N`` itself, "revoked", and only then launches under N + 1.  So at most one launch can be
under way that is not claimed yet, it has the number after the last claim, and revoking that number
proves that no earlier launch can ever run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from hoplite.execution.local.process_tree import ProcessId
from hoplite.execution.protocol import INPUT_FILE, RESULT_FILE, Ended
from hoplite.execution.written import EndedFile, ReportFile

READ_LIMIT = 32 * 1024 * 1024
_CLAIM = "claim."
_BLOCK = 512
_report_decoder = msgspec.json.Decoder(ReportFile)
_ended_decoder = msgspec.json.Decoder(EndedFile)


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who runs a job.  A revoked claim is nobody's."""

    boot_id: str
    pid: int = 0
    start_time: int = 0
    warden_pid: int = 0
    warden_start_time: int = 0
    revoked: bool = False
    timeout_s: float | None = None
    """The job's time limit, which the server sees to if the warden is gone."""
    kill_grace_s: float = 0.0

    @classmethod
    def of(
        cls,
        process: ProcessId,
        warden: ProcessId,
        boot_id: str,
        timeout_s: float | None = None,
        kill_grace_s: float = 0.0,
    ) -> Claim:
        return cls(
            timeout_s=timeout_s,
            kill_grace_s=kill_grace_s,
            boot_id=boot_id,
            pid=process.pid,
            start_time=process.start_time,
            warden_pid=warden.pid,
            warden_start_time=warden.start_time,
        )

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.pid, self.start_time)

    @property
    def warden(self) -> ProcessId:
        return ProcessId(self.warden_pid, self.warden_start_time)


class JobFiles:
    """The files of one job.  ``make`` creates the directory; nothing else does."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.stdout = f"{directory}/stdout"
        self.stderr = f"{directory}/stderr"
        self.report = f"{directory}/report.json"
        self.work = f"{directory}/work"
        self.input = f"{directory}/{INPUT_FILE}"
        self.result = f"{directory}/{RESULT_FILE}"
        self._exit = f"{directory}/exit.json"
        self._extra_time = f"{directory}/extra_time"

    @classmethod
    def of(cls, data_dir: Path, job_id: int) -> JobFiles:
        """The files of job ``job_id`` of the server that keeps its data in ``data_dir``."""
        return cls(f"{data_dir}/jobs/{job_id // 1000:06d}/{job_id}")

    def make(self) -> None:
        """Create the directory and those above it, unless they exist."""
        # Jobs of other accounts must get through to their working directories.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        for path in self._missing():
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, mode)

    def claims(self) -> int:
        """The number of the last claim; 0: there is none."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return 0
        return max((int(n[len(_CLAIM) :]) for n in names if n.startswith(_CLAIM)), default=0)

    def claim(self, launch: int) -> Claim | None:
        """What ``claim.<launch>`` says; None if it does not exist."""
        try:
            text = os.readlink(self._claim_path(launch))
        except FileNotFoundError:
            return None
        return msgspec.json.decode(text, type=Claim)

    def claimed_at(self, launch: int) -> float:
        """When the claim was made, seconds since 1970."""
        return os.lstat(self._claim_path(launch)).st_mtime

    def try_claim(self, launch: int, claim: Claim) -> bool:
        """Make the claim; False if this launch is claimed or revoked already."""
        try:
            os.symlink(msgspec.json.encode(claim).decode(), self._claim_path(launch))
        except FileExistsError:
            return False
        return True

    def read_report(self) -> ReportFile | None:
        """The job's own report; None if there is none, or it is not whole and sound."""
        text = read_regular(self.report)
        return sound_report(text) if text else None

    def reported_at(self) -> float:
        """When the report was written, seconds since 1970."""
        return os.lstat(self.report).st_mtime

    def read_end(self) -> Ended | None:
        """The end as the warden saw it; None if it was not written (whole)."""
        text = read_regular(self._exit)
        if text is None:
            return None
        try:
            return _ended_decoder.decode(text).plain()
        except msgspec.MsgspecError:
            return None

    def write_end(self, ended: Ended) -> None:
        """Write the end so that a reader sees all of it or nothing; raises OSError."""
        self._write_whole(self._exit, msgspec.json.encode(ended))

    @staticmethod
    def _write_whole(path: str, text: bytes) -> None:
        new = f"{path}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            write_whole(descriptor, text)
        finally:
            os.close(descriptor)
        os.rename(new, path)

    def read_extra_time(self) -> float | None:
        """Seconds to add to the job's time limit; None: its time stands still."""
        text = read_regular(self._extra_time)
        return 0.0 if text is None else msgspec.json.decode(text, type=float | None)

    def write_extra_time(self, extra_s: float | None) -> None:
        """Raises OSError; then what was written before holds."""
        self._write_whole(self._extra_time, msgspec.json.encode(extra_s))

    def write_input(self, pieces: Iterable[bytes]) -> None:
        """Keep the job's input, whole and for good; raises OSError, and whatever ``pieces`` does."""
        self.make()
        fresh = f"{self.input}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(fresh, flags, 0o600), "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self.input)
            _sync_directory(self.directory)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise

    def remove_extra_time(self) -> None:
        """What was said to an earlier launch does not hold for the next one."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._extra_time)

    def log_bytes(self) -> int:
        """The size of the output so far, with the input and the result."""
        return sum(map(_size, (self.stdout, self.stderr, self.input, self.result)))

    def remove(self) -> None:
        """Remove all of it, the output first; raises OSError, after all that can go is gone."""
        for path in (self.stdout, self.stderr, self.input, self.report, self._exit):
            with contextlib.suppress(OSError):
                os.unlink(path)
        # Root needs no permission, and must not change modes here: a job's account could swap a
        # directory for a link to a stranger's file meanwhile.
        if _remove_tree(self.directory) and os.geteuid() != 0:
            _unlock(self.directory)
        if errors := _remove_tree(self.directory):
            raise errors[0]

    def _claim_path(self, launch: int) -> str:
        return f"{self.directory}/{_CLAIM}{launch}"

    def _missing(self) -> list[str]:
        missing = []
        path = self.directory
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        return missing[::-1]


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_tree(directory: str) -> list[OSError]:
    """Go on after errors, and answer them."""
    errors: list[OSError] = []

    def note(_call: object, _path: str, raised: tuple[object, BaseException, object]) -> None:
        if isinstance(raised[1], OSError) and not isinstance(raised[1], FileNotFoundError):
            errors.append(raised[1])

    shutil.rmtree(directory, onerror=note)
    return errors


def _unlock(directory: str) -> None:
    """Let the owner of ``directory`` and those below it remove what is in them."""
    _unlock_one(directory)
    for above, names, _ in os.walk(directory):
        # Before the walk goes on into them.
        for name in names:
            _unlock_one(f"{above}/{name}")


def _unlock_one(path: str) -> None:
    if not os.path.islink(path):
        with contextlib.suppress(OSError):
            os.chmod(path, 0o700)


def write_whole(descriptor: int, text: bytes) -> None:
    """Write all of ``text`` in one go; raises OSError, ENOSPC too if only a part went in."""
    if os.write(descriptor, text) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sound_report(text: bytes) -> ReportFile | None:
    """The report in ``text``, which a job may have written by itself: None if it is not whole, no
    report, or holds parts that are no JSON objects."""
    if not text.endswith(b"\n"):
        return None
    try:
        report = _report_decoder.decode(text)
        for part in (report.exception, report.status):
            msgspec.json.decode(part, type=dict[str, Any] | None)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return report


def read_regular(path: str) -> bytes | None:
    """The content of a regular file of reasonable size; None for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > READ_LIMIT:
            return None
        return file.read(READ_LIMIT)


def _size(path: str) -> int:
    """What the file takes: a sparse one may say that it is larger than all disks."""
    try:
        facts = os.lstat(path)
    except OSError:
        return 0
    return min(facts.st_size, facts.st_blocks * _BLOCK)

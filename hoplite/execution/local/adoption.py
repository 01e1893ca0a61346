"""What became of a job that was launched by somebody who is gone: told from its directory."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import msgspec

from hoplite.execution.local.boot import boot_id
from hoplite.execution.local.job_files import Claim, JobFiles
from hoplite.execution.local.process_tree import ProcessId, is_alive
from hoplite.execution.protocol import Ended, NeverStarted, Running

WAIT_FOR_WARDEN_S = 620.0
"""How long a warden that lives is given to write down the end of a process that is gone: a little
longer than it tries to, on a full disk."""


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's handle of a job's process."""

    pid: int
    start_time: int
    boot_id: str
    launch: int

    @classmethod
    def of(cls, process: ProcessId, launch: int) -> Handle:
        return cls(pid=process.pid, start_time=process.start_time, boot_id=boot_id(), launch=launch)

    @property
    def process(self) -> ProcessId:
        return ProcessId(self.pid, self.start_time)

    def raw(self) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(self))


class Claimed(msgspec.Struct, frozen=True):
    """The job was run, or is: under this claim, made at ``at``."""

    launch: int
    claim: Claim
    at: float

    @property
    def handle(self) -> Handle:
        return Handle.of(self.claim.process, self.launch)

    def running(self) -> Running:
        return Running(handle=self.handle.raw(), started_at=self.at)


class LastBoot:
    """``engine.json``: the boot of the machine during which jobs were last launched here.

    It is on disk before the first launch of a boot, and is not touched before that.  So a job that
    has left no trace was launched before a reboot, if at all, exactly if it differs.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "engine.json"
        self._noted = False
        self._noting = threading.Lock()

    def differs(self) -> bool:
        """Have jobs been launched here, and the machine been booted since."""
        try:
            return str(msgspec.json.decode(self._path.read_bytes())["boot_id"]) != boot_id()
        except FileNotFoundError:
            return False
        except (msgspec.MsgspecError, KeyError, TypeError):
            return True

    def note(self) -> None:
        """Have it say this boot; raises OSError.  May be called by many threads at once."""
        with self._noting:
            if not self._noted:
                self._write()
                self._noted = True

    def _write(self) -> None:
        new = self._path.with_suffix(".json.new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode({"boot_id": boot_id()}))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def settle(files: JobFiles, *, rebooted: bool) -> Claimed | Ended | NeverStarted:
    """Find out, and if nobody has claimed the job, see to it that no earlier launch ever does.

    ``rebooted``: the job's launch was before a reboot.  Claims and outcomes are not forced to the
    disk one by one, so a reboot may have taken them; such a job is not launched again.
    """
    if (ended := files.read_end()) is not None:
        return ended
    launch = files.claims()
    claim = files.claim(launch) if launch else None
    if claim is None or claim.revoked:
        if rebooted:
            return end_without_warden(files, "rebooted")
        files.make()
        launch += 1
        if files.try_claim(launch, Claim(boot_id=boot_id(), revoked=True)):
            files.remove_extra_time()
            return NeverStarted()
        claim = files.claim(launch)
    if claim is None or claim.boot_id != boot_id():
        return end_without_warden(files, "rebooted")
    return Claimed(launch, claim, files.claimed_at(launch))


def end_of_claimed(files: JobFiles, claimed: Claimed, waited_s: float) -> Ended | None:
    """The end of a claimed job; None while its process lives, or its warden may yet write it down.

    ``waited_s``: how long the process is known to be gone.
    """
    claim = claimed.claim
    if is_alive(claim.process):
        return None
    warden_lives = is_alive(claim.warden)
    # Read after the look at the warden: one that is gone has written all that it will.
    if (ended := files.read_end()) is not None:
        return ended
    if warden_lives and waited_s < WAIT_FOR_WARDEN_S:
        return None
    return end_without_warden(files, "vanished")


def end_without_warden(files: JobFiles, why: str) -> Ended:
    """The end as the job's own report tells it; if there is none, it is lost: ``why``."""
    report = files.read_report()
    if report is None:
        return Ended(lost=why, log_bytes=files.log_bytes(), at=time.time())
    return Ended(
        exit_code=report.exit_code,
        report=report.plain(),
        log_bytes=files.log_bytes(),
        at=files.reported_at(),
    )

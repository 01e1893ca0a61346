"""An engine without processes, whose jobs begin and end when a test says so."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hoplite.execution.protocol import (
    Ended,
    LaunchSpec,
    Listener,
    NeverStarted,
    Report,
    Running,
    Verb,
)


class Process:
    """What the world knows of one job."""

    def __init__(self, spec: LaunchSpec) -> None:
        self.spec = spec
        self.key = spec.api_key
        self.signals: list[int] = []
        self.stopped = False
        self.extra_s: float | None = 0.0
        self.began_at: float | None = None
        self.ended: Ended | None = None
        self.asked_to_end = False

    @property
    def lives(self) -> bool:
        return self.began_at is not None and self.ended is None

    @property
    def ordered(self) -> bool:
        """Launched, and has not begun."""
        return self.began_at is None and self.ended is None

    def running(self) -> Running:
        assert self.began_at is not None
        return Running(handle=msgspec.Raw(b'"a handle"'), started_at=self.began_at)


class World:
    """The processes, which outlive servers.  ``listener`` is the server that hears of them."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.listener: Listener | None = None

    def begin(self, job_id: int) -> None:
        process = self.processes[job_id]
        assert process.ordered
        process.began_at = time.time()
        if self.listener is not None:
            self.listener.started(job_id, process.running())

    def end(self, job_id: int, ended: Ended) -> None:
        process = self.processes[job_id]
        assert process.ended is None
        process.ended = ended
        if self.listener is not None:
            self.listener.ended(job_id, ended)


class ScriptedExecutor:
    """One server's :class:`~hoplite.execution.protocol.Executor` over a world."""

    verbs = frozenset({Verb.KILL, Verb.SIGNAL, Verb.SUSPEND, Verb.RESUME})

    def __init__(self, world: World, directory: Path) -> None:
        self._world = world
        self._directory = directory
        self.closed = False

    def open(self, listener: Listener) -> None:
        self._world.listener = listener

    def launch(self, spec: LaunchSpec) -> None:
        known = self._world.processes.get(spec.job_id)
        assert known is None, f"job {spec.job_id} is launched while an earlier launch may run"
        self._world.processes[spec.job_id] = Process(spec)

    def adopt(self, job_id: int, handle: msgspec.Raw | None) -> Running | Ended | NeverStarted:
        process = self._world.processes.get(job_id)
        if process is None or process.ordered:
            self._world.processes.pop(job_id, None)
            return NeverStarted()
        return process.ended or process.running()

    def signal(self, job_id: int, signum: int) -> bool:
        process = self._world.processes.get(job_id)
        if process is None or not process.lives:
            return False
        process.signals.append(signum)
        if signum in (signal.SIGSTOP, signal.SIGCONT):
            process.stopped = signum == signal.SIGSTOP
        return True

    def extend(self, job_id: int, extra_s: float | None) -> None:
        process = self._world.processes.get(job_id)
        if process is not None:
            process.extra_s = extra_s

    def kill(self, job_id: int, grace_s: float) -> bool:
        process = self._world.processes.get(job_id)
        if process is None or process.ended is not None:
            return False
        process.asked_to_end = True
        return True

    def reload(self) -> None:
        pass

    def put_input(self, job_id: int, pieces: Iterable[bytes]) -> None:
        (self.directory(job_id) / "input").write_bytes(b"".join(pieces))

    def directory(self, job_id: int) -> Path:
        return self._directory / str(job_id)

    def forget(self, job_ids: Iterable[int]) -> None:
        for job_id in job_ids:
            self._world.processes.pop(job_id, None)

    def close(self) -> None:
        self.closed = True

    def die(self) -> None:
        """Whatever threads of the server yet do does not reach the world, as after kill -9."""
        self._world = World()


def an_end(how: str) -> Ended:
    """``returned``, ``raised``, ``exited``, ``signalled``, ``lost``, ``timed out``, ``unmade``."""
    at = time.time()
    if how == "returned":
        return Ended(exit_code=0, report=Report(returned=True, exit_code=0), at=at)
    if how == "raised":
        record = msgspec.Raw(b'{"type": "ValueError", "message": "no"}')
        report = Report(returned=False, exit_code=1, exception=record)
        return Ended(exit_code=1, report=report, at=at)
    if how == "timed out":
        return Ended(signal=15, timed_out=True, at=at)
    if how == "unmade":
        return Ended(launch_error="no more processes", at=at)
    facts = {"exited": {"exit_code": 7}, "signalled": {"signal": 9}, "lost": {"lost": "vanished"}}
    return Ended(**facts[how], at=at)  # type: ignore[arg-type]  # each of the type its field has

"""A job as a value: what it is, where it is, and what became of it.  No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from hoplite.model.batch import NOTHING_GRANTED, Batch, Granted
from hoplite.model.lifecycle import ENDED, STARTED, Event, Outcome, State, after, ending

EMPTY_OBJECT = msgspec.Raw(b"{}")


class Job(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One job.  ``config``, ``status`` and ``progress`` are kept as the JSON text that came in.

    Times are seconds since 1970, UTC.
    """

    id: int
    uuid: str
    plugin: str
    owner: str
    config: msgspec.Raw = EMPTY_OBJECT
    status: msgspec.Raw = EMPTY_OBJECT
    progress: msgspec.Raw | None = None
    state: State = State.HOLD
    version: int = 1
    """Rises with every change of the job."""
    created_at: float
    queued_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    timeout_s: float | None = None
    """Seconds of running after which the job is ended; None: no limit."""
    env: dict[str, str] = {}
    workdir: str | None = None
    """Where the job runs; None: a directory of its own below the data directory."""
    key_hash: bytes = b""
    """SHA-256 of the job's key; empty until it is launched."""
    handle: msgspec.Raw | None = None
    """What the engine needs to find the job's process again (JSON)."""
    kill_by: str | None = None
    """Who asked for the kill, if anybody did."""
    kill_at: float | None = None
    outcome: Outcome | None = None
    exit_code: int | None = None
    """What the job's process exited with; None while it lives and when a signal ended it."""
    signal: int | None = None
    """The signal that ended the job's process."""
    reason: str | None = None
    """In words: why it waits, or why it ended as it did."""
    log_bytes: int = 0
    """Size of the log of an ended job."""
    log_removed_by: str | None = None
    """The retention rule that removed the log."""
    batch: Batch | None = None
    """What it asks of the batch system; None: a job that takes a place and no resource."""
    granted: Granted = NOTHING_GRANTED

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def assigned(self) -> tuple[int, ...]:
        """Ids of the resources that it holds or held, ascending."""
        return self.granted.assigned

    @property
    def walltime_s(self) -> float | None:
        """How long it may run, once it was launched; None for jobs without a batch part."""
        return self.granted.walltime_s

    @property
    def walltime_ends_at(self) -> float | None:
        """When its walltime is over, if it is not suspended before; None before its start."""
        if self.started_at is None or self.granted.walltime_s is None:
            return None
        return self.started_at + self.granted.suspended_s + self.granted.walltime_s

    @property
    def running(self) -> bool:
        """Hoplite's ``running``: its process exists or is being made."""
        return self.state in STARTED

    @property
    def finished(self) -> bool:
        """Hoplite's ``finished``: it was started and has ended."""
        return self.ended

    @property
    def killed(self) -> bool:
        """Hoplite's ``killed``: a kill is under way, or is what ended it."""
        if self.ended:
            return self.outcome in (Outcome.KILLED, Outcome.CANCELLED)
        return self.kill_by is not None

    def moved(self, *events: Event, **changes: Any) -> Job:
        """The job after ``events`` with ``changes``, one version later.

        Raises :class:`~hoplite.model.lifecycle.IllegalTransition`.
        """
        return msgspec.structs.replace(
            self, state=after(self.state, *events), version=self.version + 1, **changes
        )

    def at_end(self, outcome: Outcome, at: float, **facts: Any) -> Job:
        """The job ended with ``outcome`` at ``at``."""
        return self.moved(
            *ending(self.state, outcome), outcome=outcome, finished_at=at, handle=None, **facts
        )

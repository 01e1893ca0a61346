"""Jobs that the batch system runs again: idempotent ones that it ended itself, or that ask for it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from hoplite.exceptions import HopliteError
from hoplite.manager.job_table import SERVER, entry
from hoplite.model.batch_types import read_types
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.timeline import Entry, Happening

AGAIN_EXIT_CODE = 99
"""An idempotent job that exits with this after a minute asks to be run again, as in OAR."""

_LONG_ENOUGH_S = 60.0

log = structlog.get_logger("hoplite.manager")

Birth = Callable[[], tuple[int, float]]


class Succession(msgspec.Struct, frozen=True):
    """``ended`` names its successor; ``entries`` tell of both."""

    ended: Job
    successor: Job
    entries: list[Entry]


def succession(ended: Job, birth: Birth) -> Succession | None:
    """The job to run in place of ``ended``, if one is to be; ``birth`` gives its id and time.
    A defect in it does not keep the end from being told of."""
    try:
        return _succession(ended, birth)
    except HopliteError:
        raise
    except Exception as error:
        log.error("defect", in_the_succession_of=ended.id, exc_info=error)
        return None


def _succession(ended: Job, birth: Birth) -> Succession | None:
    if ended.batch is None or not _runs_again(ended):
        return None
    job_id, at = birth()
    successor = again(ended, job_id, at)
    granted = msgspec.structs.replace(ended.granted, resubmitted_as=job_id)
    ended = msgspec.structs.replace(ended, granted=granted)
    entries = [
        entry(ended, Happening.RESUBMITTED, SERVER, at, {"as": job_id}),
        *births(successor, SERVER),
    ]
    return Succession(ended, successor, entries)


def again(job: Job, job_id: int, at: float) -> Job:
    """A new job, Waiting, that asks for the same as ``job``."""
    assert job.batch is not None
    batch = msgspec.structs.replace(
        job.batch,
        resubmit_of=job.id,
        array_id=job.batch.array_id or job.id,
        starts_at=None,
        hold=False,
    )
    return Job(
        id=job_id,
        uuid=str(uuid.uuid4()),
        plugin=job.plugin,
        owner=job.owner,
        config=job.config,
        state=State.WAITING,
        created_at=at,
        queued_at=at,
        timeout_s=job.timeout_s,
        env=job.env,
        workdir=job.workdir,
        batch=batch,
        reason=f"runs again what job {job.id} ran",
    )


def births(job: Job, who: str, said: Sequence[str] = ()) -> list[Entry]:
    """The first entries of a job that was made Waiting; ``said`` by the admission rules."""
    detail: dict[str, Any] = {"plugin": job.plugin}
    if said:
        detail["admission"] = list(said)
    if job.batch is not None and job.batch.resubmit_of is not None:
        detail["resubmit_of"] = str(job.batch.resubmit_of)
    created = entry(job, Happening.CREATED, who, job.created_at, detail)
    return [created, entry(job, Happening.QUEUED, who, job.created_at)]


def _runs_again(job: Job) -> bool:
    assert job.batch is not None
    if not read_types(job.batch.types).idempotent:
        return False
    if job.outcome is Outcome.KILLED:
        return job.granted.kill_reason is not None
    started = job.started_at if job.started_at is not None else time.time()
    ran_s = (job.finished_at or started) - started
    return job.exit_code == AGAIN_EXIT_CODE and job.kill_by is None and ran_s > _LONG_ENOUGH_S

"""Jobs and entries to fill a journal with."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from hoplite.journal.protocol import Change, Happened, JobCreated, StatusSet
from hoplite.model.job import Job
from hoplite.model.lifecycle import Event, Outcome
from hoplite.model.timeline import Entry, Happening

START = 1_700_000_000.0


def uuid_of(job_id: int) -> str:
    return str(uuid.UUID(int=(job_id * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128))


def a_job(job_id: int, **fields: Any) -> Job:
    """A job of alice's in Hold; job n was created n seconds after :data:`START`."""
    known: dict[str, Any] = {
        "id": job_id,
        "uuid": uuid_of(job_id),
        "plugin": "sleep",
        "owner": "alice",
        "created_at": START + job_id,
    }
    return Job(**{**known, **fields})


def an_ended_job(job_id: int, outcome: Outcome = Outcome.SUCCEEDED, **fields: Any) -> Job:
    """A job that was started and ended a second later."""
    at = START + job_id
    job = a_job(job_id, **fields).moved(
        Event.RELEASED, Event.SCHEDULED, Event.LAUNCHED, Event.STARTED, started_at=at
    )
    return job.at_end(outcome, at + 1.0, exit_code=0)


def an_entry(job: Job, what: Happening = Happening.CREATED, **fields: Any) -> Entry:
    known: dict[str, Any] = {
        "job_id": job.id,
        "uuid": job.uuid,
        "owner": job.owner,
        "at": job.created_at,
        "what": what,
        "who": job.owner,
        "version": job.version,
    }
    return Entry(**{**known, **fields})


def created(job: Job) -> tuple[Change, ...]:
    """The changes that make ``job``, with the entry that tells of it."""
    return JobCreated(job), Happened(an_entry(job))


def with_status(job: Job, n: int) -> tuple[Change, ...]:
    changed = msgspec.structs.replace(
        job, status=msgspec.Raw(b'{"n": %d}' % n), version=job.version + n
    )
    return (StatusSet(changed, an_entry(changed, Happening.STATUS)),)

"""A job as the Hoplite dialect shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hoplite.api.answers import encode
from hoplite.api.hoplite.batch_part import batch_shown
from hoplite.model.caller import Caller, Visibility
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State

_OBJECT_OR_NULL: dict[str, Any] = {"type": ["object", "null"]}


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job.  ``config``, ``status``, ``env``, ``workdir``, ``reason``, ``progress``, ``properties``,
    ``job_name`` and ``project`` are for its owner and administrators; others see null there (setting
    ``visibility``).  The keys from ``queue`` on are there for jobs with a resource request."""

    uuid: str
    id: int
    name: Annotated[str, Meta(description="The plugin's name; plugin_name is the same.")]
    plugin_name: str
    config: Annotated[Any, Meta(extra_json_schema=_OBJECT_OR_NULL)]
    status: Annotated[Any, Meta(extra_json_schema=_OBJECT_OR_NULL)]
    running: Annotated[bool, Meta(description="Its process exists, or is being made.")]
    finished: bool
    killed: Annotated[bool, Meta(description="A kill is under way, or is what ended it.")]
    state: State
    outcome: Outcome | None
    exit_code: Annotated[
        int | None, Meta(description="Null while it lives, and when a signal ended it.")
    ]
    signal: Annotated[int | None, Meta(description="The signal that ended its process.")]
    reason: Annotated[str | None, Meta(description="Why it waits, or why it ended as it did.")]
    owner: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    version: Annotated[int, Meta(description="Rises with every change.")]
    timeout: Annotated[float | None, Meta(description="Seconds.")]
    env: Annotated[Any, Meta(extra_json_schema=_OBJECT_OR_NULL)]
    workdir: str | None
    progress: Annotated[Any, Meta(extra_json_schema={"type": "object"})] | UnsetType = UNSET
    queue: str | UnsetType = UNSET
    types: list[str] | UnsetType = UNSET
    resource: Annotated[list[str] | UnsetType, Meta(description="What it asked for.")] = UNSET
    resources: Annotated[
        list[int] | UnsetType, Meta(description="Ids of those that it holds or held.")
    ] = UNSET
    walltime: Annotated[
        float | UnsetType | None, Meta(description="Seconds; null until it is launched.")
    ] = UNSET
    properties: str | UnsetType | None = UNSET
    job_name: str | UnsetType | None = UNSET
    project: str | UnsetType | None = UNSET
    after: list[int] | UnsetType = UNSET
    reservation: datetime | UnsetType | None = UNSET
    array_id: int | UnsetType = UNSET
    array_index: int | UnsetType = UNSET


class JobAnswer(JobView, frozen=True, kw_only=True):
    """One job: under ``job``, as the document has it, and with the same keys at the top level, which
    deployed Hoplite 15 clients read."""

    job: JobView


class JobList(msgspec.Struct, frozen=True):
    """Jobs, newest first.  ``next`` is the address of the next page; null: there is none."""

    jobs: list[JobView]
    next: str | None


class RunningJobs(msgspec.Struct, frozen=True):
    """The jobs whose process exists, oldest first."""

    jobs: list[JobView]


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def job_view(job: Job, all_of_it: bool) -> JobView:
    """``job`` for one who may see all of it, or only its state."""
    return JobView(
        uuid=job.uuid,
        id=job.id,
        name=job.plugin,
        plugin_name=job.plugin,
        config=job.config if all_of_it else None,
        status=job.status if all_of_it else None,
        running=job.running,
        finished=job.finished,
        killed=job.killed,
        state=job.state,
        outcome=job.outcome,
        exit_code=job.exit_code,
        signal=job.signal,
        reason=job.reason if all_of_it else None,
        owner=job.owner,
        created_at=datetime.fromtimestamp(job.created_at, UTC),
        started_at=_time(job.started_at),
        finished_at=_time(job.finished_at),
        version=job.version,
        timeout=job.timeout_s,
        env=job.env if all_of_it else None,
        workdir=job.workdir if all_of_it else None,
        progress=job.progress if all_of_it and job.progress is not None else UNSET,
        **batch_shown(job, all_of_it),
    )


def view_for(job: Job, caller: Caller, visibility: Visibility) -> JobView:
    """``job`` as ``caller`` may see it."""
    return job_view(job, caller.sees_all_of(job, visibility))


def one_job(view: JobView) -> bytes:
    """The JSON of a :class:`JobAnswer`; the job is encoded once."""
    text = encode(view)
    return b'{"job":' + text + b"," + text[1:]

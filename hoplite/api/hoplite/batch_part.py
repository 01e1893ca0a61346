"""What a job of the Hoplite dialect may ask of the batch system, and what it shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.api.endpoint import LARGEST
from hoplite.exceptions import InvalidFieldError, RequestSyntaxError
from hoplite.model.batch import Batch
from hoplite.model.job import Job
from hoplite.model.resource_request import ResourceRequest, request_text
from hoplite.model.resource_request_parser import MAX_WALLTIME_S
from hoplite.submission.around import Around
from hoplite.submission.jobs import read_submission

_Id = Annotated[int, Meta(ge=1, le=LARGEST)]
_OPTIONS = {
    "resource": "resource",
    "queue": "queue",
    "types": "type",
    "properties": "property",
    "job_name": "name",
    "project": "project",
    "hold": "hold",
    "after": "anterior",
    "success_only": "success-only",
    "reservation": "reservation",
    "checkpoint": "checkpoint",
    "signal": "signal",
    "notify": "notify",
    "stdout": "stdout",
    "stderr": "stderr",
}
"""The options of a submission over the OAR dialect, by our names."""


class BatchKeys(msgspec.Struct, frozen=True, kw_only=True):
    """With any of these a job waits in a queue for its resources."""

    resource: (
        Annotated[
            str | list[str],
            Meta(description="Like `/nodes=1/core=2`; several make the job moldable."),
        ]
        | None
    ) = None
    walltime: (
        Annotated[
            int,
            Meta(ge=1, le=MAX_WALLTIME_S, description="Seconds, where `resource` does not say."),
        ]
        | None
    ) = None
    queue: str | None = None
    types: Annotated[list[str] | None, Meta(description="Like `besteffort`.")] = None
    properties: Annotated[
        str | None, Meta(description="A filter for resources, like `mem > 1000`.")
    ] = None
    job_name: Annotated[str | None, Meta(description="OAR's `name`.")] = None
    project: str | None = None
    hold: Annotated[bool | None, Meta(description="Wait until it is started or resumed.")] = None
    after: Annotated[
        list[_Id] | None, Meta(description="Ids of jobs that must have ended before.")
    ] = None
    success_only: Annotated[bool | None, Meta(description="They must have succeeded.")] = None
    reservation: Annotated[
        str | None, Meta(description="`YYYY-MM-DD HH:MM:SS` in the server's time.")
    ] = None
    checkpoint: Annotated[int, Meta(ge=0, le=MAX_WALLTIME_S)] | None = None
    signal: Annotated[int, Meta(ge=1, le=64)] | None = None
    notify: str | None = None
    stdout: Annotated[str | None, Meta(description="A file, in place of the job's log.")] = None
    stderr: str | None = None


def batch_asked(keys: BatchKeys, plugin: str, around: Callable[[], Around]) -> Batch | None:
    """The batch part that ``keys`` ask for; None: they ask for none.

    Raises as :func:`~hoplite.submission.jobs.read_submission` does, by our names.
    """
    given = {name: getattr(keys, name) for name in BatchKeys.__struct_fields__}
    if all(value is None for value in given.values()):
        return None
    options = {_OPTIONS[name]: value for name, value in given.items() if name in _OPTIONS}
    try:
        submission = read_submission({**options, "plugin": plugin}, around())
    except InvalidFieldError as error:
        raise by_our_names(error) from None
    batch = submission.jobs[0].batch
    assert batch is not None
    if keys.walltime is None:
        return batch
    requests = tuple(_with_walltime(each, keys.walltime) for each in batch.requests)
    shown = f"{batch.initial_request} --walltime={keys.walltime}"
    return msgspec.structs.replace(batch, requests=requests, initial_request=shown)


def batch_shown(job: Job, all_of_it: bool) -> Mapping[str, Any]:
    """What a job that asked for resources shows beside the rest; nothing for others."""
    batch = job.batch
    if batch is None:
        return {}
    starts_at = batch.starts_at
    return {
        "queue": batch.queue,
        "types": list(batch.types),
        "resource": [request_text(request) for request in batch.requests],
        "resources": list(job.assigned),
        "walltime": job.walltime_s,
        "properties": batch.properties if all_of_it else None,
        "job_name": batch.name if all_of_it else None,
        "project": batch.project if all_of_it else None,
        "after": list(batch.after),
        "reservation": None if starts_at is None else datetime.fromtimestamp(starts_at, UTC),
        "array_id": batch.array_id or job.id,
        "array_index": batch.array_index,
    }


def _with_walltime(request: ResourceRequest, walltime_s: int) -> ResourceRequest:
    if request.walltime_s is not None:
        raise InvalidFieldError(
            "walltime: resource has a walltime already; give one of the two", field="walltime"
        )
    return msgspec.structs.replace(request, walltime_s=walltime_s)


def by_our_names(error: InvalidFieldError) -> InvalidFieldError:
    """An error of a submission, with our name for the option that is to blame."""
    ours = {theirs: name for name, theirs in _OPTIONS.items()}
    name = ours.get(error.field or "", error.field)
    message = error.message
    if error.field and message.startswith(f"{error.field}: "):
        message = f"{name}: {message.partition(': ')[2]}"
    if isinstance(error, RequestSyntaxError):
        return RequestSyntaxError(message, field=name, position=error.position)
    return InvalidFieldError(message, field=name)

"""``/jobs/<ref>``: one job, read and acted on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from flask import Response, g
from msgspec import Meta

from hoplite.api.answers import json_answer
from hoplite.api.body import checked_object
from hoplite.api.endpoint import LARGEST, Call, Routes
from hoplite.api.hoplite.views import (
    JobAnswer,
    JobView,
    job_view,
    one_job,
    view_for,
)
from hoplite.exceptions import (
    InvalidFieldError,
    InvalidRequestError,
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobEndedError,
    JobNotEndedError,
    JobNotStartedError,
    NotAuthorizedError,
    ShuttingDownError,
    StorageFullError,
    TooLargeError,
    TooManyStreamsError,
    UnsupportedMediaTypeError,
    WrongApiKeyError,
)
from hoplite.model.caller import Visibility
from hoplite.model.job import Job

routes = Routes("jobs")

Object = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
WRITES = (StorageFullError, ShuttingDownError)


class StatusBody(msgspec.Struct, frozen=True):
    """A new status.  Other keys are ignored."""

    status: Object = msgspec.field(default_factory=msgspec.Raw)
    api_key: Annotated[
        str | None, Meta(description="The job's key; or in `Authorization: Bearer`.")
    ] = None


class WaitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether to wait, and for what."""

    wait: (
        Annotated[
            float,
            Meta(ge=0, description="Seconds to wait at most for the end (or a change) of the job."),
        ]
        | None
    ) = None
    until: Literal["end", "change"] = msgspec.field(default="end", name="for")
    since: (
        Annotated[
            int,
            Meta(ge=0, le=LARGEST, description="With for=change: the version that you know."),
        ]
        | None
    ) = None


class StartedAnswer(msgspec.Struct, frozen=True):
    uuid: str
    started: bool


class KilledAnswer(msgspec.Struct, frozen=True):
    uuid: str
    killed: bool


class DeletedAnswer(msgspec.Struct, frozen=True):
    uuid: str
    deleted: bool


def visible_job(call: Call[Any, Any]) -> Job:
    """The job of the path, if the caller may know of it."""
    job = call.service.manager.job(call.ref)
    if not call.caller.sees(job, call.service.settings.visibility):
        raise JobDoesNotExistError.of(call.ref)
    return job


def shown(call: Call[Any, Any], job: Job) -> JobView:
    """``job`` as the caller may see it."""
    return view_for(job, call.caller, call.service.settings.visibility)


@routes.get(
    "/jobs/<ref>",
    query=WaitQuery,
    answers={200: JobAnswer, 304: None},
    headers={
        "If-None-Match": Annotated[
            str, Meta(description="An ETag of an earlier answer: 304 if nothing changed.")
        ]
    },
    answer_headers={"ETag": "Changes with the job."},
    raises=[JobDoesNotExistError, TooManyStreamsError],
)
def get_job(call: Call[WaitQuery, None]) -> Response:
    """Read one job by its uuid or id.

    With `wait` the answer comes as soon as the job has ended (or, with `for=change`, as soon as its
    version is over `since`), else after that many seconds with the job as it is then.
    """
    job = visible_job(call)
    if call.query.wait and not job.ended:
        job = _waited(call, job)
    all_of_it = call.caller.sees_all_of(job, call.service.settings.visibility)
    tag = f"{job.uuid}-{job.version}{'' if all_of_it else '-state'}"
    known = call.request.if_none_match if "If-None-Match" in call.request.headers else ()
    unchanged = not call.query.wait and tag in known
    if unchanged:
        response = Response(status=304)
    else:
        text = call.service.kept_answers.get(tag, lambda: one_job(job_view(job, all_of_it)))
        response = json_answer(text)
    response.headers["ETag"] = f'"{tag}"'
    return response


def _waited(call: Call[WaitQuery, None], job: Job) -> Job:
    manager, query = call.service.manager, call.query
    timeout_s = min(query.wait or 0.0, call.service.settings.max_wait)
    changed = query.until == "change"
    if changed and query.since is not None and job.version > query.since:
        return job
    g.long = True
    with call.service.streams.place():
        if changed:
            return manager.wait_for_change(job.uuid, timeout_s, query.since, gone(call))
        return manager.wait_for_end(job.uuid, timeout_s, gone(call))


def gone(call: Call[Any, Any]) -> Callable[[], bool]:
    """Says whether the client has hung up, where the HTTP server tells."""
    asked = call.request.environ.get("waitress.client_disconnected")
    return asked if asked is not None else lambda: False


@routes.put(
    "/jobs/<ref>",
    body=StatusBody,
    answers={200: JobAnswer},
    public=True,
    raises=[
        InvalidRequestError,
        WrongApiKeyError,
        JobEndedError,
        JobDoesNotExistError,
        TooLargeError,
        UnsupportedMediaTypeError,
        *WRITES,
    ],
)
def put_status(call: Call[Any, StatusBody]) -> Response:
    """Replace the status of a job; only the running job itself can, by its key."""
    manager, body = call.service.manager, call.body
    api_key = body.api_key if body.api_key is not None else _bearer(call)
    job = _job_with_key(call, api_key)
    if not body.status:
        raise InvalidFieldError("status: missing; an object is needed", field="status")
    job = manager.set_status(job.uuid, api_key, checked_object(body.status, "status"))
    return json_answer(one_job(job_view(job, all_of_it=True)))


def _job_with_key(call: Call[Any, StatusBody], api_key: str | None) -> Job:
    """The job of the path, if the key is its own.  Strangers are not told which jobs there are."""
    manager = call.service.manager
    try:
        job = manager.job(call.ref)
    except JobDoesNotExistError:
        if call.known is None or call.service.settings.visibility is Visibility.NONE:
            raise WrongApiKeyError("the api_key is that of no job here", field="api_key") from None
        raise
    manager.check_key(job, api_key)
    return job


def _bearer(call: Call[Any, Any]) -> str | None:
    scheme, _, key = call.request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


@routes.put(
    "/jobs/<ref>/start",
    answers={200: StartedAnswer},
    raises=[NotAuthorizedError, JobAlreadyStartedError, JobDoesNotExistError, *WRITES],
)
def start_job(call: Call[Any, None]) -> Response:
    """Start a job that was created without being started.  A body is ignored."""
    job = call.service.manager.start(call.caller, visible_job(call).uuid)
    return json_answer(StartedAnswer(job.uuid, True))


@routes.put(
    "/jobs/<ref>/kill",
    answers={200: KilledAnswer},
    raises=[NotAuthorizedError, JobNotStartedError, JobDoesNotExistError, StorageFullError],
)
def kill_job(call: Call[Any, None]) -> Response:
    """Kill a job: SIGTERM to its whole process tree now, SIGKILL after the grace time.

    A job that waits for a place is cancelled.  A job that has ended keeps its outcome.
    """
    job = call.service.manager.kill(call.caller, visible_job(call).uuid)
    return json_answer(KilledAnswer(job.uuid, True))


@routes.delete(
    "/jobs/<ref>",
    answers={200: DeletedAnswer},
    raises=[NotAuthorizedError, JobDoesNotExistError, JobNotEndedError, StorageFullError],
)
def delete_job(call: Call[Any, None]) -> Response:
    """Forget a job that has ended, its log too, or one that was never started.

    A job that waits or runs has to be killed first.
    """
    job = call.service.manager.forget(call.caller, visible_job(call).uuid)
    return json_answer(DeletedAnswer(job.uuid, True))

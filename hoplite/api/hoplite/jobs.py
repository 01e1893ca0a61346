"""``/jobs``: create, read, wait, start, kill, update, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from flask import Response, g
from msgspec import Meta

from hoplite.api.answers import json_answer
from hoplite.api.body import checked_object
from hoplite.api.endpoint import LARGEST, Call, Routes
from hoplite.api.hoplite.views import (
    JobAnswer,
    JobList,
    JobView,
    RunningJobs,
    job_view,
    one_job,
    view_for,
)
from hoplite.api.timestamps import parse_time
from hoplite.exceptions import (
    IdempotencyConflictError,
    InvalidFieldError,
    InvalidRequestError,
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobEndedError,
    JobNotEndedError,
    JobNotStartedError,
    JobPluginDoesNotExistError,
    NotAuthorizedError,
    ShuttingDownError,
    StorageFullError,
    TooLargeError,
    TooManyStreamsError,
    UnsupportedMediaTypeError,
    WrongApiKeyError,
)
from hoplite.journal.protocol import Page
from hoplite.manager.requests import NewJob
from hoplite.model.job import EMPTY_OBJECT, Job
from hoplite.model.lifecycle import State

routes = Routes("jobs")

MAX_PAGE = 1000
_MAX_KEY = 255

_STATES = "|".join(State)
_TIME = (
    r"^([0-9]{1,10}(\.[0-9]+)?|[0-9]{4}-[01][0-9]-[0-3][0-9]"
    r"([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-2][0-9]:[0-5][0-9])?)?)$"
)
Flag = (
    bool
    | Annotated[
        str,
        Meta(
            pattern="^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$",
            description='"True" or "False" in any case, as in the document\'s example.',
        ),
    ]
)
Object = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
_WRITES = (StorageFullError, ShuttingDownError)


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which jobs."""

    state: Annotated[
        str | None,
        Meta(
            description="States, separated by commas, like `Waiting,Running`.",
            extra_json_schema={"pattern": f"^({_STATES})(,({_STATES}))*$"},
        ),
    ] = None
    plugin: str | None = None
    owner: str | None = None
    since: Annotated[
        str | None,
        Meta(
            description="Created at or after: ISO 8601, or seconds since 1970.",
            extra_json_schema={"pattern": _TIME},
        ),
    ] = None
    limit: (
        Annotated[int, Meta(ge=1, le=MAX_PAGE, description="Jobs a page; default: page_limit.")]
        | None
    ) = None
    cursor: (
        Annotated[str, Meta(pattern="^[0-9]{1,18}$", description="From the `next` of a page.")]
        | None
    ) = None


class NewJobBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job to create."""

    name: Annotated[
        str | None, Meta(description="The plugin to run; `plugin_name` is the same.")
    ] = None
    plugin_name: str | None = None
    config: Object = msgspec.field(default_factory=lambda: EMPTY_OBJECT)
    run: Annotated[Flag | None, Meta(description="Start it as soon as there is a place.")] = None
    running: Annotated[Flag | None, Meta(description="The same as `run`.")] = None
    timeout: (
        Annotated[float, Meta(gt=0, le=1e9, description="Seconds of running before it is ended.")]
        | None
    ) = None
    env: Annotated[
        dict[str, str],
        Meta(
            description="Environment variables beside the server's.",
            extra_json_schema={
                "propertyNames": {"pattern": r"^[^=\u0000]+$"},
                "additionalProperties": {"type": "string", "pattern": r"^[^\u0000]*$"},
            },
        ),
    ] = {}
    workdir: Annotated[
        str | None,
        Meta(
            description="An absolute path; default: a directory of the job's own.",
            extra_json_schema={"pattern": r"^/[^\u0000]*$"},
        ),
    ] = None
    port: Annotated[Any, Meta(description="Accepted from Hoplite 15 clients and ignored.")] = None
    uuid: Annotated[Any, Meta(description="Ignored.")] = None
    api_key: Annotated[Any, Meta(description="Ignored.")] = None
    status: Annotated[Any, Meta(description="Ignored.")] = None


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


def _view(call: Call[Any, Any], job: Job) -> JobView:
    return view_for(job, call.caller, call.service.settings.visibility)


@routes.get("/jobs", query=ListQuery, answers={200: JobList})
def list_jobs(call: Call[ListQuery, None]) -> Response:
    """List all jobs kept, newest first, by pages.

    Follow `next` for older ones.  A page may hold fewer jobs than `limit` and still have a `next`.
    """
    query, settings = call.query, call.service.settings
    found = call.service.manager.page(
        Page(
            limit=query.limit or settings.page_limit,
            before_id=int(query.cursor) if query.cursor else None,
            states=_states(query.state),
            plugin=query.plugin,
            owner=query.owner,
            since=None if query.since is None else parse_time(query.since, "since"),
        )
    )
    caller, visibility = call.caller, settings.visibility
    views = [view_for(j, caller, visibility) for j in found.jobs if caller.sees(j, visibility)]
    link = _next_link(call, found.next_before_id)
    headers = {"Link": f'<{link}>; rel="next"'} if link else None
    return json_answer(JobList(views, link), headers=headers)


def _states(names: str | None) -> frozenset[State] | None:
    if names is None:
        return None
    try:
        return frozenset(State(name.strip()) for name in names.split(","))
    except ValueError:
        known = ", ".join(State)
        raise InvalidFieldError(
            f"query parameter state: {names!r} names no state; the states are {known}",
            field="state",
        ) from None


def _next_link(call: Call[ListQuery, None], before_id: int | None) -> str | None:
    if before_id is None:
        return None
    query = {**call.request.args.to_dict(), "cursor": str(before_id)}
    return f"{call.request.script_root}/jobs?{urlencode(query)}"


@routes.get("/jobs/running", answers={200: RunningJobs})
def list_running_jobs(call: Call[Any, None]) -> Response:
    """List the jobs whose process exists."""
    caller, visibility = call.caller, call.service.settings.visibility
    jobs = call.service.manager.running()
    return json_answer(
        RunningJobs([view_for(j, caller, visibility) for j in jobs if caller.sees(j, visibility)])
    )


@routes.post(
    "/jobs",
    body=NewJobBody,
    answers={201: JobAnswer, 200: JobAnswer},
    body_rule={
        "anyOf": [
            {"required": [key], "properties": {key: {"type": "string", "minLength": 1}}}
            for key in ("name", "plugin_name")
        ]
    },
    headers={
        "Idempotency-Key": Annotated[
            str,
            Meta(
                min_length=1,
                max_length=_MAX_KEY,
                description="The same key and body answer the first job again.",
            ),
        ]
    },
    answer_headers={
        "Location": "The address of the job.",
        "Idempotency-Replayed": "`true`: this is the job of an earlier request.",
    },
    raises=[
        InvalidRequestError,
        NotAuthorizedError,
        JobPluginDoesNotExistError,
        TooLargeError,
        UnsupportedMediaTypeError,
        IdempotencyConflictError,
        *_WRITES,
    ],
)
def create_job(call: Call[Any, NewJobBody]) -> Response:
    """Create a job, and start it if `run` (or `running`) is true.

    With an `Idempotency-Key`, a repeat answers the first job again, with the status 200 and
    `Idempotency-Replayed: true`.
    """
    job, replayed = call.service.manager.create(call.caller, _new_job(call.body), _key(call))
    headers = {"Location": f"{call.request.script_root}/jobs/{job.uuid}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return json_answer(one_job(_view(call, job)), 200 if replayed else 201, headers)


def _key(call: Call[Any, Any]) -> str | None:
    key = call.request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= _MAX_KEY and key.isprintable()):
        raise InvalidFieldError(
            f"Idempotency-Key: 1 to {_MAX_KEY} printable characters are needed",
            field="Idempotency-Key",
        )
    return key


def _new_job(body: NewJobBody) -> NewJob:
    plugin = body.name or body.plugin_name
    if not plugin:
        raise InvalidFieldError(
            "name: missing; it names the plugin to run (GET /job_plugins lists them)", field="name"
        )
    for name, value in body.env.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise InvalidFieldError(f"env: {name!r} cannot be set as a variable", field="env")
    if body.workdir is not None and (not body.workdir.startswith("/") or "\0" in body.workdir):
        raise InvalidFieldError(
            f"workdir: {body.workdir!r} is not an absolute path", field="workdir"
        )
    return NewJob(
        plugin=plugin,
        config=checked_object(body.config, "config"),
        run=_wants_run(body),
        timeout_s=body.timeout,
        env=body.env,
        workdir=body.workdir,
    )


def _wants_run(body: NewJobBody) -> bool:
    asked = {_truth(flag) for flag in (body.run, body.running) if flag is not None}
    if len(asked) == 2:
        raise InvalidFieldError("run and running contradict each other; give one", field="run")
    return True in asked


def _truth(flag: bool | str) -> bool:
    return flag if isinstance(flag, bool) else flag.lower() == "true"


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
    view = _view(call, job)
    tag = f"{job.uuid}-{job.version}{'' if view.config is not None else '-state'}"
    if not call.query.wait and tag in call.request.if_none_match:
        response = Response(status=304)
    else:
        response = json_answer(one_job(view))
    response.set_etag(tag)
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
        *_WRITES,
    ],
)
def put_status(call: Call[Any, StatusBody]) -> Response:
    """Replace the status of a job; only the running job itself can, by its key."""
    manager, body = call.service.manager, call.body
    api_key = body.api_key if body.api_key is not None else _bearer(call)
    job = manager.job(call.ref)
    manager.check_key(job, api_key)
    if not body.status:
        raise InvalidFieldError("status: missing; an object is needed", field="status")
    job = manager.set_status(job.uuid, api_key, checked_object(body.status, "status"))
    return json_answer(one_job(job_view(job, all_of_it=True)))


def _bearer(call: Call[Any, Any]) -> str | None:
    scheme, _, key = call.request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


@routes.put(
    "/jobs/<ref>/start",
    answers={200: StartedAnswer},
    raises=[NotAuthorizedError, JobAlreadyStartedError, JobDoesNotExistError, *_WRITES],
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
    """Forget an ended job, its log too."""
    job = call.service.manager.forget(call.caller, visible_job(call).uuid)
    return json_answer(DeletedAnswer(job.uuid, True))

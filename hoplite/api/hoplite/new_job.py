"""``POST /jobs``: a new job."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta

from hoplite.api.answers import json_answer
from hoplite.api.body import checked_object
from hoplite.api.endpoint import Call, Routes
from hoplite.api.hoplite.batch_part import BatchKeys, batch_asked, by_our_names
from hoplite.api.hoplite.job import WRITES, Object, shown
from hoplite.api.hoplite.views import (
    JobAnswer,
    one_job,
)
from hoplite.api.idempotency import ANSWER_HEADERS, HEADERS, idempotency_key
from hoplite.api.submitting import around
from hoplite.exceptions import (
    IdempotencyConflictError,
    InvalidFieldError,
    InvalidRequestError,
    JobPluginDoesNotExistError,
    NotAuthorizedError,
    TooLargeError,
    UnsupportedMediaTypeError,
)
from hoplite.manager.requests import NewJob
from hoplite.model.job import EMPTY_OBJECT
from hoplite.submission.around import Around

routes = Routes("jobs")

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


class NewJobBody(BatchKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    ] = msgspec.field(default_factory=dict)
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
    headers=HEADERS,
    answer_headers=ANSWER_HEADERS,
    raises=[
        InvalidRequestError,
        NotAuthorizedError,
        JobPluginDoesNotExistError,
        TooLargeError,
        UnsupportedMediaTypeError,
        IdempotencyConflictError,
        *WRITES,
    ],
)
def create_job(call: Call[Any, NewJobBody]) -> Response:
    """Create a job, and start it if `run` (or `running`) is true.

    With an `Idempotency-Key`, a repeat answers the first job again, with the status 200 and
    `Idempotency-Replayed: true`.
    """
    new = _new_job(call)
    try:
        job, replayed = call.service.manager.create(call.caller, new, idempotency_key(call.request))
    except InvalidFieldError as error:
        raise (error if new.batch is None else by_our_names(error)) from None
    headers = {"Location": f"{call.request.script_root}/jobs/{job.uuid}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return json_answer(one_job(shown(call, job)), 200 if replayed else 201, headers)


def _new_job(call: Call[Any, NewJobBody]) -> NewJob:
    body = call.body
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
        batch=batch_asked(body, plugin, lambda: _around(call, plugin)),
    )


def _around(call: Call[Any, Any], plugin: str) -> Around:
    if plugin not in call.service.manager.plugins.plugins():
        raise JobPluginDoesNotExistError(plugin)
    return around(call.service, call.caller)


def _wants_run(body: NewJobBody) -> bool:
    asked = {_truth(flag) for flag in (body.run, body.running) if flag is not None}
    if len(asked) == 2:
        raise InvalidFieldError("run and running contradict each other; give one", field="run")
    return True in asked


def _truth(flag: bool | str) -> bool:
    return flag if isinstance(flag, bool) else flag.lower() == "true"

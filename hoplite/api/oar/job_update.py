"""``POST``, ``PUT`` and ``DELETE /jobs/<id>``: acting on a job by the name of a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.job_acting import Acted, on_job, output_of_job
from hoplite.api.oar.job_actions import REFUSALS
from hoplite.api.oar.job_acts import CHECKPOINT, DELETE, HOLD, RESUME, RHOLD, Act, signalling
from hoplite.api.oar.resource_views import digits
from hoplite.api.oar.titled import Titled
from hoplite.api.oar.walltime_changes import changing_walltime
from hoplite.exceptions import (
    InvalidFieldError,
    InvalidRequestError,
    JobDoesNotExistError,
    MethodNotAllowedError,
)

routes = OarRoutes("OAR jobs")

_METHODS: Mapping[str, Act] = {
    "delete": DELETE,
    "checkpoint": CHECKPOINT,
    "hold": HOLD,
    "rhold": RHOLD,
    "resume": RESUME,
}


class JobUpdate(msgspec.Struct, frozen=True):
    """What to do to the job."""

    method: Annotated[str, Meta(description="What to do: `delete`, `hold`...")] | UnsetType = UNSET
    action: (
        Annotated[str, Meta(description="The same as `method`, by the document's name.")]
        | UnsetType
    ) = UNSET
    signal: (
        Annotated[int | float | str, Meta(description="With `signal`: the number of the signal.")]
        | UnsetType
    ) = UNSET
    walltime: (
        Annotated[
            int | float | str,
            Meta(description="With `walltime-change`: `+h:m:s`, `-h:m:s` or `h:m:s`."),
        ]
        | UnsetType
    ) = UNSET
    force: (
        Annotated[
            bool | int | float | str,
            Meta(description="With `walltime-change`: `yes`: more than users may have."),
        ]
        | UnsetType
    ) = UNSET
    delay_next_jobs: (
        Annotated[
            bool | int | float | str,
            Meta(description="With `walltime-change`: `yes`: others may have to wait."),
        ]
        | UnsetType
    ) = UNSET


def _choice(name: str) -> list[dict[str, Any]]:
    """What the key ``name`` can be, as JSON Schema."""
    signal = {name: {"const": "signal"}, "signal": {"type": "integer", "minimum": 1, "maximum": 64}}
    flags = {key: {"enum": ["yes", "no"]} for key in ("force", "delay_next_jobs")}
    walltime = {
        name: {"const": "walltime-change"},
        "walltime": {"type": "string", "pattern": "^[+-]?[1-9][0-9]{0,3}:[0-5][0-9]:[0-5][0-9]$"},
        **flags,
    }
    return [
        {"required": [name], "properties": {name: {"enum": list(_METHODS)}}},
        {"required": [name, "signal"], "properties": signal},
        {"required": [name, "walltime"], "properties": walltime},
    ]


_RULE = {
    "anyOf": _choice("method")
    + [{"not": {"required": ["method"]}, **each} for each in _choice("action")]
}


class Deleted(msgspec.Struct, frozen=True):
    """It ends.  ``oardel_output`` is OAR's name for ``cmd_output``."""

    id: str | int
    status: str
    cmd_output: str
    oardel_output: str
    api_timestamp: int


@routes.post(
    "/jobs/<id>",
    right=Right.USER,
    body=JobUpdate,
    body_rule=_RULE,
    about="Job",
    answers={202: Acted},
    raises=[*REFUSALS, MethodNotAllowedError],
)
def update_job(call: OarCall[Options, JobUpdate]) -> Answer:
    """Act on a job by the name of a method, as forms do that cannot send DELETE."""
    return _updated(call)


@routes.put(
    "/jobs/<id>",
    right=Right.USER,
    body=JobUpdate,
    body_rule=_RULE,
    about="Job",
    answers={202: Acted},
    raises=[*REFUSALS, MethodNotAllowedError],
)
def put_job(call: OarCall[Options, JobUpdate]) -> Answer:
    """The same as POST."""
    return _updated(call)


@routes.delete("/jobs/<id>", right=Right.USER, answers={202: Deleted}, raises=REFUSALS)
def remove_job(call: OarCall[Options, None]) -> Answer:
    """Delete a job, as `POST /jobs/<id>/deletions/new` does."""
    output = output_of_job(call, DELETE, "Oardel error")
    return Answer(Deleted(digits(call, str(call.id)), DELETE.status, output, output, call.now), 202)


def _updated(call: OarCall[Any, JobUpdate]) -> Answer:
    asked = call.body
    if (asked.method or asked.action) != "walltime-change":
        return on_job(call, _act(asked))
    act = changing_walltime(asked.walltime, asked.force, asked.delay_next_jobs)
    try:
        return on_job(call, act)
    except JobDoesNotExistError as error:
        raise Titled("Not found", error) from None
    except MethodNotAllowedError as error:
        raise Titled("Not available", error) from None


def _act(asked: JobUpdate) -> Act:
    method = asked.method or asked.action
    if not method:
        raise Titled(
            "Missing Required Field",
            InvalidFieldError(
                f'A job update must have a "method" field! It is one of {_known()}', field="method"
            ),
        )
    if method == "signal":
        return signalling(_signal(asked.signal))
    if method not in _METHODS:
        raise InvalidRequestError(
            f"Could not understand {method} method; it is one of {_known()}", field="method"
        )
    return _METHODS[method]


def _known() -> str:
    return ", ".join((*_METHODS, "signal", "walltime-change"))


def _signal(given: float | str | UnsetType) -> int:
    if given is UNSET or given == "":
        raise Titled(
            "Missing Required Field",
            InvalidFieldError("Signal request must have a signal field", field="signal"),
        )
    text = str(int(given) if isinstance(given, float) and given.is_integer() else given)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidFieldError(
            "Signal field must be an integer: the number of a signal, like 10 for SIGUSR1",
            field="signal",
        )
    return int(text)

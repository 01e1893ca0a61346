"""``GET /jobs/<ref>/why``: what a job waits for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta

from hoplite.api.answers import json_answer
from hoplite.api.endpoint import Call, Routes
from hoplite.api.hoplite.job import visible_job
from hoplite.api.why import WaitsFor, why
from hoplite.exceptions import JobDoesNotExistError
from hoplite.model.lifecycle import State
from hoplite.scheduling.decisions import Cause, Delay

routes = Routes("jobs")


class PutOff(msgspec.Struct, frozen=True):
    """The last time that the predicted start got later."""

    cause: Cause
    by: Annotated[int | None, Meta(description="The id of the job that caused it, if one did.")]
    promised_start: datetime


class WhyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a job waits for."""

    uuid: str
    id: int
    state: State
    waits_for: WaitsFor
    message: str
    since: datetime | None
    predicted_start: datetime | None
    jobs: Annotated[list[int], Meta(description="Ids of the jobs that are in its way.")]
    free_now: Annotated[
        int | None, Meta(description="How many of the resources that it may use are free.")
    ]
    walltime_now: Annotated[
        float | None,
        Meta(description="With at most so many seconds of walltime it could start now."),
    ]
    delay: PutOff | None
    sooner: Annotated[list[str], Meta(description="What would start it sooner.")]


@routes.get("/jobs/<ref>/why", answers={200: WhyAnswer}, raises=[JobDoesNotExistError])
def explain_job(call: Call[Any, None]) -> Response:
    """Say what a job waits for, since when, when it is to start, and what would start it sooner."""
    job = visible_job(call)
    found = why(call.service.manager, job, call.caller, call.service.settings.visibility)
    return json_answer(
        WhyAnswer(
            uuid=job.uuid,
            id=job.id,
            state=job.state,
            waits_for=found.waits_for,
            message=found.message,
            since=_time(found.since),
            predicted_start=_time(found.predicted_start),
            jobs=list(found.jobs),
            free_now=found.free_now,
            walltime_now=found.walltime_now_s,
            delay=None if found.delay is None else _put_off(found.delay),
            sooner=list(found.sooner),
        )
    )


def _put_off(delay: Delay) -> PutOff:
    return PutOff(delay.cause, delay.by, datetime.fromtimestamp(delay.promised, UTC))


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)

"""``GET /jobs/<id>/why``: what a job waits for.  Beyond OAR."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from hoplite.api.oar.collection import item
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.job_facts import visible_job
from hoplite.api.oar.job_pages import why_page
from hoplite.api.oar.links import Link
from hoplite.api.oar.resource_views import job_links
from hoplite.api.why import WaitsFor, Why, why
from hoplite.exceptions import JobDoesNotExistError
from hoplite.model.oar_state import oar_state
from hoplite.scheduling.decisions import Cause, Delay

routes = OarRoutes("OAR jobs")


class DelayView(msgspec.Struct, frozen=True):
    """The last time that the predicted start got later."""

    cause: Cause
    by: Annotated[int | None, Meta(description="The job that caused it, if one did.")]
    promised_start: int


class WhyView(msgspec.Struct, frozen=True, kw_only=True):
    """What a job waits for.  Times are in seconds since 1970."""

    id: int
    state: str
    waits_for: WaitsFor
    message: str
    since: int | None
    predicted_start: int | None
    jobs: Annotated[list[int], Meta(description="The jobs that are in its way.")]
    free_now: Annotated[
        int | None, Meta(description="How many of the resources that it may use are free.")
    ]
    walltime_now: Annotated[
        int | None, Meta(description="With at most so many seconds of walltime it could start now.")
    ]
    delay: DelayView | None
    sooner: Annotated[list[str], Meta(description="What would start it sooner.")]
    links: list[Link]
    uri: str
    api_timestamp: int


@routes.get(
    "/jobs/<id>/why",
    right=Right.USER,
    answers={200: WhyView},
    raises=[JobDoesNotExistError],
    page=why_page,
)
def explain_oar_job(call: OarCall[Options, None]) -> Answer:
    """Say what a job waits for, since when, when it is to start, and what would start it sooner.

    Beyond OAR.
    """
    job = visible_job(call)
    found = why(call.service.manager, job, call.caller, call.service.settings.visibility)
    values = {"id": job.id, "state": oar_state(job), **_fields(found)}
    return Answer(item(call, values, job_links(call, job.id), with_uris=True))


def _fields(found: Why) -> dict[str, object]:
    return {
        "waits_for": found.waits_for,
        "message": found.message,
        "since": _whole(found.since),
        "predicted_start": _whole(found.predicted_start),
        "jobs": list(found.jobs),
        "free_now": found.free_now,
        "walltime_now": _whole(found.walltime_now_s),
        "delay": None if found.delay is None else _delay(found.delay),
        "sooner": list(found.sooner),
    }


def _delay(delay: Delay) -> DelayView:
    return DelayView(delay.cause, delay.by, int(delay.promised))


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)

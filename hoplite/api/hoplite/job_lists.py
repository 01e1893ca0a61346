"""``GET /jobs``: lists of jobs."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from flask import Response
from msgspec import Meta

from hoplite.api.answers import json_answer
from hoplite.api.endpoint import Call, Routes
from hoplite.api.hoplite.views import (
    JobList,
    RunningJobs,
    view_for,
)
from hoplite.api.timestamps import parse_time
from hoplite.exceptions import (
    InvalidFieldError,
)
from hoplite.journal.protocol import Page
from hoplite.model.lifecycle import State

routes = Routes("jobs")

MAX_PAGE = 1000
_STATES = "|".join(State)
_TIME = (
    r"^([0-9]{1,10}(\.[0-9]+)?|[0-9]{4}-[01][0-9]-[0-3][0-9]"
    r"([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-2][0-9]:[0-5][0-9])?)?)$"
)


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

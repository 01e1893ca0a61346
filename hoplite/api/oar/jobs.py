"""``GET /jobs``, ``/jobs/details``, ``/jobs/table``: lists of jobs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from hoplite.api.endpoint import LARGEST
from hoplite.api.oar.collection import Collection, Items, limit_of, paged
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, PageQuery
from hoplite.api.oar.job_facts import facts_of, sees_all_of
from hoplite.api.oar.job_pages import jobs_page
from hoplite.api.oar.job_shapes import FullJob, JobItem, JobRow
from hoplite.api.oar.job_views import full_job, job_item, job_row
from hoplite.exceptions import InvalidFieldError
from hoplite.manager.job_search import Found, Wanted
from hoplite.model.caller import Visibility
from hoplite.model.oar_state import OAR_STATES

routes = OarRoutes("OAR jobs")

_STATES = "|".join((*OAR_STATES, "toError"))
_NUMBERS = "^([0-9]{1,15}([:,][0-9]{1,15})*)?$"


class JobsQuery(PageQuery, frozen=True):
    """Which jobs: those of which all of it is true.  Unless ``state``, ``array``, ``from``, ``to``
    or ``ids`` is given, jobs that have not ended (setting ``default_states``)."""

    state: Annotated[
        str | None,
        Meta(
            description="States, separated by commas, like `Terminated,Error`; empty: any.",
            extra_json_schema={"pattern": f"^(({_STATES})(,({_STATES}))*)?$"},
        ),
    ] = None
    array: (
        Annotated[int, Meta(ge=0, le=LARGEST, description="Jobs of the array with this id.")] | None
    ) = None
    since: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=LARGEST,
                description="Jobs that run, or are planned to run, then or later; jobs without a "
                "plan that were submitted then or later.  Seconds since 1970.",
            ),
        ]
        | None
    ) = field(default=None, name="from")
    to: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=LARGEST,
                description="Jobs that started, or are planned to, before then; jobs without a "
                "plan that were submitted by then.  Seconds since 1970.",
            ),
        ]
        | None
    ) = None
    user: Annotated[str | None, Meta(description="Jobs of this user.")] = None
    ids: Annotated[
        str | None,
        Meta(
            description="These jobs: ids, separated by colons or commas.",
            extra_json_schema={"pattern": _NUMBERS},
        ),
    ] = None


@routes.get("/jobs", query=JobsQuery, answers={200: Collection[JobItem]}, page=jobs_page)
def list_oar_jobs(call: OarCall[JobsQuery, None]) -> Answer:
    """List jobs, by id; by default those that have not ended."""
    found = _found(call)
    items = [job_item(call, job, sees_all_of(call, job)) for job in found.jobs]
    return paged(call, items, found.total)


@routes.get("/jobs/details", query=JobsQuery, answers={200: Collection[FullJob]}, page=jobs_page)
def list_oar_jobs_in_detail(call: OarCall[JobsQuery, None]) -> Answer:
    """List jobs as `/jobs/<id>/details` shows them.

    With `structure=oar` by the names of `oarstat`.
    """
    found = _found(call)
    items: Items = [full_job(call, facts) for facts in facts_of(call, found.jobs)]
    return paged(call, items, found.total, hash_by_id=False)


@routes.get("/jobs/table", query=JobsQuery, answers={200: Collection[JobRow]})
def list_oar_jobs_as_table(call: OarCall[JobsQuery, None]) -> Answer:
    """List jobs by the names of the columns of OAR's table."""
    found = _found(call)
    items: Items = [job_row(call, facts) for facts in facts_of(call, found.jobs, events=False)]
    return paged(call, items, found.total, hash_by_id=False)


def _found(call: OarCall[JobsQuery, None]) -> Found:
    wanted = _wanted(call)
    if wanted is None:
        return Found([], 0)
    search = call.service.manager.search
    return search.find(wanted, offset=call.query.offset, limit=limit_of(call))


def _wanted(call: OarCall[JobsQuery, None]) -> Wanted | None:
    """None: nothing that the caller may know of."""
    query, owner = call.query, call.query.user or None
    if call.service.settings.visibility is Visibility.NONE and not _is_admin(call):
        mine = call.known.name if call.known is not None else None
        if mine is None or owner not in (None, mine):
            return None
        owner = mine
    return Wanted(
        states=_states(call),
        owner=owner,
        array_id=query.array,
        ids=_ids(query.ids),
        since=query.since,
        until=query.to,
    )


def _is_admin(call: OarCall[JobsQuery, None]) -> bool:
    return call.known is not None and call.known.is_admin


def _states(call: OarCall[JobsQuery, None]) -> frozenset[str] | None:
    query = call.query
    if query.state is None:
        others = (query.array, query.since, query.to, query.ids or None)
        chosen = others != (None, None, None, None)
        return None if chosen else frozenset(call.service.settings.default_states)
    if not query.state:
        return None
    names = frozenset(query.state.split(","))
    if unknown := sorted(names - {*OAR_STATES, "toError"}):
        raise InvalidFieldError(
            f"query parameter state: {unknown[0]!r} is no state; the states are "
            + ", ".join(OAR_STATES),
            field="state",
        )
    return names


def _ids(text: str | None) -> frozenset[int] | None:
    if not text:
        return None
    parts = text.replace(",", ":").split(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        raise InvalidFieldError(
            f"query parameter ids: {text!r} is no list of ids like 3:5:8", field="ids"
        )
    return frozenset(map(int, parts))

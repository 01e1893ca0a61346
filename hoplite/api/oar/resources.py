"""``GET /resources…``: the resources, and the jobs on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hoplite.api.oar.collection import Collection, limit_of, paged, whole
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, PageQuery
from hoplite.api.oar.job_facts import may_know_of
from hoplite.api.oar.links import Link
from hoplite.api.oar.resource_pages import resource_page, resources_page
from hoplite.api.oar.resource_views import (
    JobOnResource,
    ResourceDetails,
    ResourceItem,
    details,
    jobs_of,
    summary,
)
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import NotFoundError, ResourceDoesNotExistError
from hoplite.model.resource import Resource
from hoplite.model.resource_property import ALIASES

routes = OarRoutes("OAR resources")


class JobsQuery(Options, frozen=True):
    """Which of the jobs."""

    state: Annotated[
        str, Meta(description="Only jobs in this state; Terminated and Error are passed over.")
    ] = ""


class JobsOnResources(msgspec.Struct, frozen=True):
    """For a resource a collection of jobs.  For a property no ``offset`` and ``total``, and items with
    each value (under the property's own name) and the ids of the ``jobs``."""

    items: list[Hash]
    links: list[Link]
    api_timestamp: int | UnsetType = UNSET
    offset: int | UnsetType = UNSET
    total: int | UnsetType = UNSET


_ID = re.compile("[0-9]{1,18}")


@routes.get(
    "/resources", query=PageQuery, answers={200: Collection[ResourceItem]}, page=resources_page
)
def list_resources(call: OarCall[PageQuery, None]) -> Answer:
    """List the resources and their states, by id."""
    return _page(call, summary)


@routes.get(
    "/resources/details",
    query=PageQuery,
    aliases=["/resources/full"],
    answers={200: Collection[ResourceDetails]},
    page=resources_page,
)
def list_resources_in_detail(call: OarCall[PageQuery, None]) -> Answer:
    """List the resources with all of their properties, by id."""
    return _page(call, details)


@routes.get(
    "/resources/<id>",
    answers={200: ResourceDetails},
    raises=[ResourceDoesNotExistError],
    page=resource_page,
)
def get_resource(call: OarCall[Options, None]) -> Answer:
    """Show a resource with all of its properties.

    The keys are those of `ResourceDetails`; with `structure=oar` it stands under its id.
    """
    shown = details(call, _resource(call))
    return Answer({str(call.id): shown} if call.structure == "oar" else shown)


@routes.get(
    "/resources/nodes/<address>",
    parameters={"address": "The network address of the node."},
    answers={200: Collection[ResourceItem]},
    raises=[NotFoundError],
    page=resources_page,
)
def list_resources_of_node(call: OarCall[Options, None]) -> Answer:
    """List the resources of a node, by id."""
    found = _of_node(call)
    if not found:
        raise Titled(
            "Node not found", NotFoundError(f"no resource is of the node {call.path['address']}")
        )
    return whole(call, [summary(call, each) for each in found], hash_by_id=True)


@routes.get(
    "/resources/nodes/<address>/jobs",
    query=JobsQuery,
    parameters={"address": "The network address of the node."},
    answers={200: Collection[JobOnResource]},
    raises=[NotFoundError],
)
def list_jobs_on_node(call: OarCall[JobsQuery, None]) -> Answer:
    """List the jobs that hold resources of a node now; none for a node that does not exist."""
    return _jobs(call, [each.id for each in _of_node(call)])


@routes.get(
    "/resources/<name>/jobs",
    query=JobsQuery,
    parameters={"name": "The id of a resource, or the name of a property."},
    answers={200: JobsOnResources},
    raises=[NotFoundError],
)
def list_jobs_on_resources(call: OarCall[JobsQuery, None]) -> Answer:
    """List the jobs that hold a resource now; or, for each value of a property, the ids of the jobs
    on the resources that have it.

    A resource or a property that does not exist has no items.
    """
    name = call.path["name"]
    if _ID.fullmatch(name):
        return _jobs(call, [int(name)])
    items = list(_by_value(call, name))
    return Answer(JobsOnResources(items, [Link("self", call.base.again(call.request))], call.now))


def _by_value(call: OarCall[Any, Any], name: str) -> Iterator[Hash]:
    resources = call.service.manager.resources
    view, known = resources.view, ALIASES.get(name, name).lower()
    if view.properties.get(known) is not None:
        for value, bits in view.table.by_value(known).items():
            jobs = resources.jobs_on(view.table.ids_of(bits))
            yield {name: value, "jobs": [job.id for job in jobs if may_know_of(call, job)]}


def _page(
    call: OarCall[PageQuery, Any], show: Callable[[OarCall[Any, Any], Resource], dict[str, Any]]
) -> Answer:
    table = call.service.manager.resources.table
    limit, offset = limit_of(call), call.query.offset
    end = len(table) if limit is None else min(len(table), offset + limit)
    shown = [show(call, each) for each in islice(table, min(offset, len(table)), end)]
    return paged(call, shown, len(table))


def _resource(call: OarCall[Any, Any]) -> Resource:
    try:
        return call.service.manager.resources.resource(call.id)
    except ResourceDoesNotExistError as error:
        raise Titled("Resource not found", error) from None


def _of_node(call: OarCall[Any, Any]) -> tuple[Resource, ...]:
    table = call.service.manager.resources.table
    return table.resources_of(table.by_value("network_address").get(call.path["address"], 0))


def _jobs(call: OarCall[JobsQuery, Any], resource_ids: Sequence[int]) -> Answer:
    found = call.service.manager.resources.jobs_on(resource_ids)
    jobs = [job for job in found if may_know_of(call, job)]
    if call.query.state not in ("", "Terminated", "Error"):
        jobs = [job for job in jobs if job.state.value == call.query.state]
    return whole(call, jobs_of(call, jobs))

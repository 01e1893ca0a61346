"""What the OAR dialect shows of resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hoplite.api.oar.collection import item
from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.formats import Format
from hoplite.api.oar.links import Link
from hoplite.model.job import Job
from hoplite.model.resource import Resource


class ResourceItem(msgspec.Struct, frozen=True):
    """One resource in a list: by the names of OAR 2.5, and by those of the document's examples
    (``resource_id``, ``uri``, ``node_uri``, ``jobs_uri``)."""

    id: int
    resource_id: int
    state: str
    available_upto: int
    network_address: str
    links: list[Link]
    uri: str
    node_uri: str
    jobs_uri: str
    api_timestamp: int


class ResourceDetails(ResourceItem, frozen=True, kw_only=True):
    """One resource with all columns of OAR's table.  The properties that administrators added are
    keys beside these; one that was never set is null."""

    type: str
    state_num: int
    next_state: str
    finaud_decision: str
    next_finaud_decision: str
    suspended_jobs: str
    scheduler_priority: int
    cpuset: int
    besteffort: str
    deploy: str
    expiry_date: int
    desktop_computing: str
    last_job_date: int
    last_available_upto: int
    drain: str


class JobOnResource(msgspec.Struct, frozen=True):
    """A job that holds a resource."""

    id: int
    links: list[Link]
    api_timestamp: int


def summary(call: OarCall[Any, Any], resource: Resource) -> dict[str, Any]:
    """A :class:`ResourceItem`."""
    values = {
        "id": resource.id,
        "resource_id": resource.id,
        "state": resource.state.value,
        "available_upto": resource.available_upto,
        "network_address": resource.network_address,
    }
    return item(call, values, _links(call, resource), with_uris=True)


def details(call: OarCall[Any, Any], resource: Resource) -> dict[str, Any]:
    """A :class:`ResourceDetails`."""
    known = call.service.manager.resources.properties.by_name
    never_set = {name: None for name, each in known.items() if not each.standard}
    values = {"id": resource.id, **never_set, **resource.columns()}
    return item(call, values, _links(call, resource), with_uris=True)


def jobs_of(call: OarCall[Any, Any], jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """A :class:`JobOnResource` of each."""
    return [item(call, {"id": job.id}, job_links(call, job.id)) for job in jobs]


def job_links(call: OarCall[Any, Any], job_id: int) -> list[Link]:
    """To a job, its resources and its nodes."""
    own = f"/jobs/{job_id}"
    return [
        call.link("self", own),
        call.link("collection", f"{own}/resources", "resources"),
        call.link("collection", f"{own}/nodes", "nodes"),
    ]


def digits(call: OarCall[Any, Any], value: Any) -> Any:
    """``value``, a text of digits, as OAR writes it: a text in JSON, a number in YAML."""
    if call.wanted.format is Format.JSON or not isinstance(value, str):
        return value
    number = value.isascii() and value.isdigit() and len(value) < 19
    return int(value) if number and str(int(value)) == value else value


def _links(call: OarCall[Any, Any], resource: Resource) -> list[Link]:
    own = f"/resources/{resource.id}"
    return [
        call.link("member", f"/resources/nodes/{resource.network_address}", "node"),
        call.link("self", own),
        call.link("collection", f"{own}/jobs", "jobs"),
    ]

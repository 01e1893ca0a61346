"""A job as admission rules see it, and what they make of it.  No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hoplite.exceptions import InvalidFieldError
from hoplite.model.batch import Batch
from hoplite.model.property_expression import columns_of
from hoplite.model.property_filter import parse_filter
from hoplite.model.resource_property import PropertyTable
from hoplite.model.resource_request import ResourceRequest, walltime_text
from hoplite.model.resource_request_parser import parse_request

DEFAULT_QUEUE = "default"
CHANGEABLE = ("queue", "project", "name", "types", "properties", "resources", "walltime", "hold")
"""What rules may change; all else they may only read."""


class LevelFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    property: str
    count: int | str
    """Or ALL, BEST, BESTHALF."""


class GroupFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    filter: str
    columns: tuple[str, ...]
    """The properties that ``filter`` speaks of; only to be read."""
    levels: tuple[LevelFacts, ...]


class RequestFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alternative."""

    groups: tuple[GroupFacts, ...]
    walltime: int | None
    """Seconds."""


class JobFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``job`` of the rules.  Times are in seconds."""

    queue: str | None
    project: str
    name: str | None
    types: tuple[str, ...]
    properties: str
    resources: tuple[RequestFacts, ...]
    walltime: int | None
    """The longest of ``resources``; set, it is that of all of them."""
    hold: bool

    user: str
    groups: tuple[str, ...]
    is_admin: bool
    plugin: str
    command: str | None
    script: bool
    """Whether it runs the text of a script."""
    interactive: bool
    array_size: int
    reservation: float | None
    """Since 1970."""
    after: tuple[int, ...]
    checkpoint: float | None
    signal: int
    notify: str | None
    directory: str | None
    stdout: str | None
    stderr: str | None


class ContainerFacts(msgspec.Struct, frozen=True):
    """A living job that ``inner=<id>`` names."""

    user: str
    types: tuple[str, ...]
    reservation: float | None


class SiteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """``site`` of the rules: what they may want to know of the server."""

    queues: tuple[str, ...]
    default_walltime: int
    system_properties: tuple[str, ...]
    """Those that requests cannot name as a level."""
    containers: dict[str, ContainerFacts]
    """By their ids as text."""


class Submitter(msgspec.Struct, frozen=True):
    """Who submits."""

    user: str
    groups: tuple[str, ...]
    is_admin: bool


class Unusable(Exception):
    """What rules made of a job makes no sense."""


def facts_of(who: Submitter, plugin: str, batch: Batch, array_size: int) -> JobFacts:
    requests = tuple(_request_facts(request) for request in batch.requests)
    return JobFacts(
        queue=batch.queue or None,
        project=batch.project,
        name=batch.name,
        types=batch.types,
        properties=batch.properties,
        resources=requests,
        walltime=longest(batch.requests),
        hold=batch.hold,
        user=who.user,
        groups=who.groups,
        is_admin=who.is_admin,
        plugin=plugin,
        command=batch.command,
        script=batch.script is not None,
        interactive=False,
        array_size=array_size,
        reservation=batch.starts_at,
        after=batch.after,
        checkpoint=batch.checkpoint_s,
        signal=batch.signal,
        notify=batch.notify,
        directory=batch.launching_directory,
        stdout=batch.stdout,
        stderr=batch.stderr,
    )


def longest(requests: Iterable[ResourceRequest]) -> int | None:
    """The longest walltime; None if one of them has none."""
    walltimes = [request.walltime_s for request in requests]
    known = [walltime for walltime in walltimes if walltime is not None]
    return max(known) if len(known) == len(walltimes) else None


def read_facts(given: Any) -> JobFacts:
    """``job`` as rules left it.  Raises :class:`Unusable`."""
    try:
        return msgspec.convert(given, JobFacts)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        raise Unusable(f"{text}, at job{path.rstrip('`')}" if path else text) from None


def changed(
    batch: Batch, before: JobFacts, after: JobFacts, properties: PropertyTable
) -> dict[str, Any]:
    """The fields of ``batch`` that are other than they were, with their new values.  Raises
    :class:`Unusable`."""
    found: dict[str, Any] = {"queue": after.queue or DEFAULT_QUEUE}
    for key in ("project", "name", "types", "hold"):
        if getattr(after, key) != getattr(before, key):
            found[key] = getattr(after, key)
    if after.properties != before.properties:
        found["properties"] = after.properties
        found["filter"] = _filter(after.properties, properties)
    if after.resources != before.resources:
        found["requests"] = _requests(after.resources, properties)
    return {name: value for name, value in found.items() if value != getattr(batch, name)}


def _request_facts(request: ResourceRequest) -> RequestFacts:
    groups = tuple(
        GroupFacts(
            filter=group.filter_text if group.filter is not None else "",
            columns=() if group.filter is None else tuple(sorted(columns_of(group.filter))),
            levels=tuple(LevelFacts(level.property, _plain(level.count)) for level in group.levels),
        )
        for group in request.groups
    )
    return RequestFacts(groups, request.walltime_s)


def _plain(count: int | str) -> int | str:
    return count if isinstance(count, int) else str(count)


def _filter(text: str, properties: PropertyTable) -> Any:
    try:
        return parse_filter(text, properties) if text.strip() else None
    except InvalidFieldError as error:
        raise Unusable(str(error)) from None


def _requests(
    resources: Sequence[RequestFacts], properties: PropertyTable
) -> tuple[ResourceRequest, ...]:
    if not resources:
        raise Unusable("it leaves nothing of job['resources']")
    try:
        return tuple(parse_request(request_words(each), properties) for each in resources)
    except InvalidFieldError as error:
        raise Unusable(str(error)) from None


def request_words(request: RequestFacts) -> str:
    """The request in OAR's words."""
    text = "+".join(
        (f"{{{group.filter}}}" if group.filter else "")
        + "".join(f"/{level.property}={level.count}" for level in group.levels)
        for group in request.groups
    )
    if request.walltime is None:
        return text
    return f"{text},walltime={walltime_text(request.walltime)}"

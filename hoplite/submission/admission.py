"""What every submission goes through before it is a job: OAR's own admission rules."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hoplite.exceptions import InvalidFieldError, NotAuthorizedError
from hoplite.model.resource_property import PropertyTable
from hoplite.model.resource_request import ResourceRequest

_BESTEFFORT = "besteffort"
_ADMIN = "admin"
_PARTS_OF_NODES = frozenset({"cpu", "core", "resource_id"})


class Admitted(msgspec.Struct, frozen=True):
    """What the rules made of a submission, and what they said."""

    queue: str
    types: tuple[str, ...]
    said: tuple[str, ...]


def admit(
    queue: str | None,
    types: Sequence[str],
    requests: Sequence[ResourceRequest],
    properties: PropertyTable,
    *,
    is_admin: bool,
    default_walltime_s: float,
) -> Admitted:
    """Raises :class:`~hoplite.exceptions.NotAuthorizedError` and
    :class:`~hoplite.exceptions.InvalidFieldError`."""
    said = []
    if queue == _ADMIN and not is_admin:
        raise NotAuthorizedError(
            "queue: only administrators can submit jobs in the admin queue", field="queue"
        )
    if _BESTEFFORT in types and queue != _BESTEFFORT:
        queue = _BESTEFFORT
        said.append("Automatically redirect in the besteffort queue")
    elif queue == _BESTEFFORT and _BESTEFFORT not in types:
        types = (*types, _BESTEFFORT)
        said.append("Automatically add the besteffort type")
    if _BESTEFFORT in types:
        said.append("Automatically add the besteffort constraint on the resources")
    _check_levels(types, requests, properties)
    if any(request.walltime_s is None for request in requests):
        said.append(f"Set default walltime to {default_walltime_s:g}.")
    if "desktop_computing" in types:
        said.append("Added automatically desktop_computing resource constraints")
    said.append("Modify resource description with type constraints")
    rules = tuple(f"[ADMISSION RULE] {each}" for each in said)
    return Admitted(queue or "default", tuple(types), rules)


def _check_levels(
    types: Sequence[str], requests: Sequence[ResourceRequest], properties: PropertyTable
) -> None:
    names = {
        level.property for request in requests for group in request.groups for level in group.levels
    }
    properties.check_requestable(sorted(names))
    deploys = any(each.partition("=")[0] == "deploy" for each in types)
    if deploys and (parts := sorted(names & _PARTS_OF_NODES)):
        raise InvalidFieldError(
            f"resource: '{parts[0]}' resource is not allowed with a deploy job: it takes whole "
            "nodes, like /nodes=1",
            field="resource",
        )

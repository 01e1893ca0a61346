"""What a job asks for: how many of what, in which hierarchy, for how long.

Read from text by :func:`hoplite.model.resource_request_parser.parse_request`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from hoplite.model.property_expression import (
    Expression,
)

DEFAULT_PROPERTY = "resource_id"


class CountWord(StrEnum):
    """A count that is not a number."""

    ALL = "ALL"
    """Every one that is not Dead, together."""
    BEST = "BEST"
    """As many as can be had, at least one."""
    BESTHALF = "BESTHALF"
    """Half of what BEST would give, at least one."""


class Level(msgspec.Struct, frozen=True, gc=False):
    """``property=count``: so many different values of a property below each unit of the level above."""

    property: str
    count: int | CountWord
    """A number is at least 1."""


class Group(msgspec.Struct, frozen=True, gc=False):
    """A hierarchy of levels over the resources that a filter lets through."""

    levels: tuple[Level, ...]
    """From the outermost to the innermost, at least one."""
    filter: Expression | None = None
    filter_text: str = ""
    """The filter as it was written, without its braces."""


class ResourceRequest(msgspec.Struct, frozen=True, gc=False):
    """Groups that are held together, all at once.

    A moldable job has several requests, one of which is granted.
    """

    groups: tuple[Group, ...]
    """At least one; no resource serves two of them."""
    walltime_s: int | None = None
    """Seconds; None: the request does not say."""


DEFAULT_REQUEST = ResourceRequest((Group((Level(DEFAULT_PROPERTY, 1),)),))
"""OAR's ``/resource_id=1``."""


def request_text(request: ResourceRequest) -> str:
    """The request as text, in OAR's spelling; reading it gives the request again."""
    text = "+".join(_group_text(group) for group in request.groups)
    if request.walltime_s is None:
        return text
    return f"{text},walltime={walltime_text(request.walltime_s)}"


def wanted_resources(requests: Iterable[ResourceRequest]) -> str:
    """OAR's ``wanted_resources`` of a job: each request as an option ``-l``, with a blank after it."""
    return "".join(f'-l "{request_text(request)}" ' for request in requests)


def walltime_text(seconds: int) -> str:
    """``hours:minutes:seconds`` without leading zeros."""
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute}:{second}"


def _group_text(group: Group) -> str:
    filtered = f"{{{group.filter_text}}}" if group.filter is not None else ""
    return filtered + "".join(f"/{level.property}={level.count}" for level in group.levels)

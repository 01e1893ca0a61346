"""A resource as a value: the smallest thing that a job can hold, usually one core.  No I/O."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Any, Literal

import msgspec

FOR_EVER = 2147483647
"""OAR's "never ends" in a column of seconds since 1970."""

YesNo = Literal["YES", "NO"]


class ResourceState(StrEnum):
    """Whether a resource can run jobs.  The names are those of OAR."""

    ALIVE = "Alive"
    ABSENT = "Absent"
    """Away, and expected back."""
    SUSPECTED = "Suspected"
    """Something went wrong with it; nothing new is started on it."""
    DEAD = "Dead"
    """Gone: its running jobs are ended, and no request counts on it."""

    @property
    def number(self) -> int:
        """OAR's ``state_num``."""
        return _NUMBER[self]


_NUMBER = {
    ResourceState.ALIVE: 1,
    ResourceState.ABSENT: 2,
    ResourceState.SUSPECTED: 3,
    ResourceState.DEAD: 4,
}

Value = str | int | None
"""What a property can hold.  None is SQL's NULL: the property was never set."""


class Resource(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One resource.  The fields are the columns of OAR's table ``resources``, with its defaults.

    Dates are seconds since 1970, UTC; 0 means never.
    """

    id: int
    """``resource_id`` in requests and filters."""
    network_address: str
    """The name of its node."""
    state: ResourceState = ResourceState.ALIVE
    type: str = "default"
    cpuset: int = 0
    """Which part of the node it is: the number of its core there."""
    available_upto: int = FOR_EVER
    last_available_upto: int = 0
    next_state: str = "UnChanged"
    finaud_decision: YesNo = "NO"
    next_finaud_decision: YesNo = "NO"
    suspended_jobs: YesNo = "NO"
    scheduler_priority: int = 0
    besteffort: YesNo = "YES"
    deploy: YesNo = "NO"
    desktop_computing: YesNo = "NO"
    drain: YesNo = "NO"
    """YES: running jobs go on and no new one starts."""
    expiry_date: int = 0
    last_job_date: int = 0
    properties: dict[str, Value] = {}
    """The properties that administrators added, by name; a missing name is NULL."""

    def value(self, name: str) -> Value:
        """The value of the property ``name``, standard or added; None where it is not set."""
        return reader(name)(self)

    def columns(self) -> dict[str, Value]:
        """Every standard column and added property by the name that OAR gives it."""
        standard = {name: self.value(name) for name in (*STANDARD_FIELDS, "state_num")}
        return {**standard, **self.properties}

    def with_values(self, values: dict[str, Any]) -> Resource:
        """The resource with some properties set; ``values`` have passed
        :meth:`~hoplite.model.resource_property.PropertyTable.coerced`.
        """
        fields = {STANDARD_FIELDS[k]: v for k, v in values.items() if k in STANDARD_FIELDS}
        added = {k: v for k, v in values.items() if k not in STANDARD_FIELDS}
        return msgspec.structs.replace(self, properties={**self.properties, **added}, **fields)


STANDARD_FIELDS: dict[str, str] = {
    ("resource_id" if field == "id" else field): field
    for field in Resource.__struct_fields__
    if field != "properties"
}
"""The field of each standard column; ``state_num`` is computed and is not here."""


def reader(name: str) -> Callable[[Resource], Value]:
    """What reads the property ``name`` from resource after resource, faster than by its name."""
    if name in STANDARD_FIELDS:
        return attrgetter(STANDARD_FIELDS[name])
    if name == "state_num":
        return lambda resource: resource.state.number
    return lambda resource: resource.properties.get(name)

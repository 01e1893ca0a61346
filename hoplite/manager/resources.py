"""The resources: the only writer of them.  Journal first, then memory, then who listens."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from hoplite.exceptions import (
    HopliteError,
    InvalidFieldError,
    NotAuthorizedError,
    ResourceDoesNotExistError,
    ResourceInUseError,
)
from hoplite.journal.protocol import (
    Change,
    Happened,
    Journal,
    PropertyAdded,
    PropertyRemoved,
    ResourceForgotten,
    ResourceSaved,
)
from hoplite.manager.this_machine import THIS_MACHINES_PROPERTIES, this_machine
from hoplite.manager.timeline import jobless_entry
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.resource import Resource, ResourceState
from hoplite.model.resource_property import (
    STANDARD_PROPERTIES,
    Property,
    PropertyTable,
    PropertyType,
)
from hoplite.model.resource_set import ResourceTable
from hoplite.model.timeline import Happening

SETTABLE_STATES = (ResourceState.ALIVE, ResourceState.ABSENT, ResourceState.DEAD)
"""What administrators can set; the server alone suspects."""

_SERVER = "server"
_ADDRESS = re.compile(r"(?!\.{1,2}$)[^\s/?#\\]+")

log = structlog.get_logger("hoplite.manager")


class ResourceView(msgspec.Struct, frozen=True):
    """The resources and their properties at one instant.  Immutable."""

    table: ResourceTable
    properties: PropertyTable


class ResourcesChanged(msgspec.Struct, frozen=True):
    """What became of the resources.  Sets of ``old`` hold for ``new`` unless resources went; then
    see :meth:`~hoplite.model.resource_set.ResourceTable.translated`."""

    old: ResourceTable
    new: ResourceTable

    @property
    def lost(self) -> tuple[int, ...]:
        """Ids of those that could run jobs and cannot any more: no longer Alive, or removed."""
        before = set(self.old.ids_of(self.old.alive))
        return tuple(sorted(before.difference(self.new.ids_of(self.new.alive))))


class Resources:
    """Every command and question about resources.  All methods may be called from any thread.

    Readers take ``view`` (or ``table``, ``properties``) without a lock; a command that returns is on
    disk and is in ``view``.  Commands are for administrators: others get
    :class:`~hoplite.exceptions.NotAuthorizedError`.  A command takes effect whole or not at all.

    ``on_change`` hears of each change after it is in ``view``, one at a time and in order; it must
    be quick and must not change resources.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._last_id = journal.last_resource_id()
        added = {one.name: one for one in journal.properties()}
        self.view = ResourceView(
            ResourceTable(journal.resources()),
            PropertyTable({**STANDARD_PROPERTIES.by_name, **added}),
        )
        self.on_change: Callable[[ResourcesChanged], None] = lambda _change: None
        self.holders: Callable[[], Iterable[Job]] = lambda: ()
        """The jobs that hold resources, by ascending id."""

    @property
    def table(self) -> ResourceTable:
        return self.view.table

    @property
    def properties(self) -> PropertyTable:
        return self.view.properties

    def open(self) -> None:
        """At the first start of all, make the machine itself the resources."""
        with self._lock:
            if self._last_id or len(self.properties.by_name) > len(STANDARD_PROPERTIES.by_name):
                return
            properties = self.properties
            for name, kind in THIS_MACHINES_PROPERTIES.items():
                properties = properties.added(name, kind)
            made = self._new([properties.coerced(values) for values in this_machine()])
            definitions = [
                PropertyAdded(properties.known(name)) for name in THIS_MACHINES_PROPERTIES
            ]
            told = _told(Happening.RESOURCE_ADDED, _SERVER, resources=_ids(made))
            self._journal.commit(*definitions, *map(ResourceSaved, made), told)
            self._added(made, properties)
            log.info("this machine is the resources", cores=len(made))

    def resource(self, resource_id: int) -> Resource:
        """Raises :class:`~hoplite.exceptions.ResourceDoesNotExistError`."""
        return _of(self.table, resource_id)

    def jobs_on(self, resource_ids: Iterable[int]) -> list[Job]:
        """The jobs that hold any of these resources now, by ascending id; suspended ones, which
        go on with what they had, too."""
        wanted = set(resource_ids)
        return [job for job in self.holders() if not wanted.isdisjoint(job.assigned)]

    def add(self, caller: Caller, new: Sequence[Mapping[str, object]]) -> list[Resource]:
        """New resources, Alive, from the values of their properties; the ids ascend in order.

        Each needs ``network_address`` (or ``hostname``).  Raises
        :class:`~hoplite.exceptions.InvalidFieldError` for an unknown property or a value of the
        wrong type, and :class:`~hoplite.exceptions.NotAuthorizedError` for a property that the
        server alone sets.
        """
        _check(caller)
        with self._lock:
            made = self._new([self._checked(new, nth) for nth in range(len(new))])
            told = _told(Happening.RESOURCE_ADDED, caller.name, resources=_ids(made))
            if made:
                self._journal.commit(*map(ResourceSaved, made), told)
                self._added(made, self.properties)
        return made

    def set_state(
        self, caller: Caller, resource_ids: Iterable[int], state: ResourceState
    ) -> list[Resource]:
        """Make resources Alive, Absent or Dead; those that are so already stay as they are.

        What this means for the jobs on them is for ``on_change`` to see to.
        """
        _check(caller)
        if state not in SETTABLE_STATES:
            raise InvalidFieldError(
                f"state: expected Alive, Absent or Dead, got {state}", field="state"
            )
        with self._lock:
            return self._change(caller, resource_ids, {"state": state})

    def set_values(
        self, caller: Caller, resource_ids: Iterable[int], values: Mapping[str, object]
    ) -> list[Resource]:
        """Set properties of resources; raises as :meth:`add` does."""
        _check(caller)
        with self._lock:
            checked = self.properties.coerced(values)
            _check_address(checked)
            return self._change(caller, resource_ids, checked)

    def remove(self, caller: Caller, resource_ids: Iterable[int]) -> None:
        """Remove Dead resources for ever.

        Raises :class:`~hoplite.exceptions.ResourceInUseError` for one that is not Dead, or that a
        job still holds.
        """
        _check(caller)
        with self._lock:
            old = self.table
            gone = [_of(old, resource_id) for resource_id in sorted(set(resource_ids))]
            for resource in gone:
                self._check_removable(resource)
            detail: dict[str, Any] = {
                "resources": _ids(gone),
                "network_addresses": sorted({resource.network_address for resource in gone}),
            }
            told = _told(Happening.RESOURCE_REMOVED, caller.name, **detail)
            if gone:
                self._journal.commit(*(ResourceForgotten(one.id) for one in gone), told)
                left = set(old.ids).difference(_ids(gone))
                self._show(ResourceTable(map(old.resource, left)))

    def _check_removable(self, resource: Resource) -> None:
        if resource.state is not ResourceState.DEAD:
            raise ResourceInUseError(
                f"The resource {resource.id} must be in the Dead status, and is {resource.state}: "
                f'set it first with POST /resources/{resource.id}/state {{"state": "Dead"}}'
            )
        jobs = self.jobs_on([resource.id])
        if jobs:
            raise ResourceInUseError(
                f"job {jobs[0].id} still holds the resource {resource.id}; it is being ended, "
                "try again when it has"
            )

    def add_property(self, caller: Caller, name: str, kind: PropertyType) -> Property:
        """Give resources one more property, NULL for all until it is set.

        Raises :class:`~hoplite.exceptions.InvalidFieldError`.
        """
        _check(caller)
        with self._lock:
            properties = self.properties.added(name, kind)
            added = properties.known(name)
            told = _told(
                Happening.PROPERTY_ADDED, caller.name, name=added.name, type=added.type.value
            )
            self._journal.commit(PropertyAdded(added), told)
            self._show(self.table, properties)
        return added

    def remove_property(self, caller: Caller, name: str) -> Property:
        """Take an added property away from resources, and every value of it.

        Raises :class:`~hoplite.exceptions.ResourceDoesNotExistError`, and
        :class:`~hoplite.exceptions.NotAuthorizedError` for a standard one.
        """
        _check(caller)
        with self._lock:
            removed = self.properties.get(name)
            if removed is None:
                raise ResourceDoesNotExistError(self.properties.unknown(name))
            properties = self.properties.removed(name)
            told = _told(Happening.PROPERTY_REMOVED, caller.name, name=removed.name)
            self._journal.commit(PropertyRemoved(removed.name), told)
            self._show(ResourceTable(_without(removed.name, self.table)), properties)
        return removed

    def _checked(self, new: Sequence[Mapping[str, object]], nth: int) -> dict[str, Any]:
        try:
            values = self.properties.coerced(new[nth])
            _check_address(values)
            if "network_address" not in values:
                raise InvalidFieldError(
                    "A resource must have a hostname field or a network_address property!",
                    field="network_address",
                )
        except HopliteError as error:
            if len(new) > 1:
                raise type(error)(f"resource {nth + 1}: {error}", field=error.field) from None
            raise
        return values

    def _new(self, values: Sequence[Mapping[str, Any]]) -> list[Resource]:
        return [
            Resource(id=resource_id, network_address="").with_values(dict(each))
            for resource_id, each in enumerate(values, self._last_id + 1)
        ]

    def _added(self, made: Sequence[Resource], properties: PropertyTable) -> None:
        self._last_id = made[-1].id
        self._show(ResourceTable([*self.table, *made]), properties)

    def _change(
        self, caller: Caller, resource_ids: Iterable[int], values: dict[str, Any]
    ) -> list[Resource]:
        before = [_of(self.table, one) for one in dict.fromkeys(resource_ids)]
        after = [resource.with_values(values) for resource in before]
        new = [now for was, now in zip(before, after, strict=True) if was != now]
        if new:
            told = _told(
                Happening.RESOURCE_CHANGED, caller.name, resources=_ids(new), values=values
            )
            self._journal.commit(*map(ResourceSaved, new), told)
            self._show(self.table.changed(*new))
        return after

    def _show(self, table: ResourceTable, properties: PropertyTable | None = None) -> None:
        change = ResourcesChanged(self.table, table)
        self.view = ResourceView(table, properties or self.properties)
        try:
            self.on_change(change)
        except Exception:
            # The change is on disk and shown: its caller must hear so, whatever a listener does.
            log.exception("a listener of the resources failed")


def _check(caller: Caller) -> None:
    if not caller.is_admin:
        raise NotAuthorizedError(
            f"{caller.name} is not an administrator; only administrators change resources"
        )


def _check_address(values: Mapping[str, Any]) -> None:
    address = values.get("network_address", "-")
    if not _ADDRESS.fullmatch(address):
        raise InvalidFieldError(
            f"network_address: {address!r} cannot be a node's name: it stands in addresses, so it "
            "has no blanks and none of / ? # \\",
            field="network_address",
        )


def _of(table: ResourceTable, resource_id: int) -> Resource:
    try:
        return table.resource(resource_id)
    except KeyError:
        raise ResourceDoesNotExistError(f"there is no resource {resource_id}") from None


def _without(name: str, table: ResourceTable) -> Iterable[Resource]:
    for resource in table:
        kept = {key: value for key, value in resource.properties.items() if key != name}
        yield msgspec.structs.replace(resource, properties=kept)


def _ids(resources: Iterable[Resource]) -> list[int]:
    return [resource.id for resource in resources]


def _told(what: Happening, who: str, **detail: Any) -> Change:
    return Happened(jobless_entry(what, who, time.time(), detail))

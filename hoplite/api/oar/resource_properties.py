"""``/resources/properties``: which properties resources have.  Beyond OAR, whose administrators
use ``oarproperty``."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.api.oar.collection import Collection, whole
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.resource_changes import Deleted
from hoplite.exceptions import NotAuthorizedError, ResourceDoesNotExistError
from hoplite.model.resource_property import Property, PropertyType

routes = OarRoutes("OAR resources")


class PropertyBody(msgspec.Struct, frozen=True):
    """A property to add."""

    name: Annotated[
        str, Meta(description="A letter, then up to 62 letters, digits and underscores.")
    ]
    type: PropertyType = PropertyType.INTEGER


class PropertyItem(msgspec.Struct, frozen=True):
    """One property of resources."""

    name: str
    type: PropertyType
    standard: Annotated[bool, Meta(description="It is one of OAR's own.")]
    system: Annotated[bool, Meta(description="The server alone sets it.")]
    requestable: Annotated[bool, Meta(description="It can be a level of a resource request.")]
    choices: Annotated[list[str], Meta(description="What it may be; empty: anything.")]


@routes.get("/resources/properties", answers={200: Collection[PropertyItem]})
def list_properties(call: OarCall[Options, None]) -> Answer:
    """List the properties that resources have, OAR's own and those that were added."""
    known = call.service.manager.resources.properties.by_name
    return whole(call, [_shown(known[name]) for name in sorted(known)])


@routes.post(
    "/resources/properties",
    right=Right.OAR,
    body=PropertyBody,
    about="Property",
    answers={201: PropertyItem},
)
def add_property(call: OarCall[Options, PropertyBody]) -> Answer:
    """Give all resources one more property; it is null until it is set."""
    resources = call.service.manager.resources
    added = resources.add_property(call.caller, call.body.name, call.body.type)
    return Answer(_shown(added), 201)


@routes.delete(
    "/resources/properties/<name>",
    right=Right.OAR,
    parameters={"name": "The name of a property that was added."},
    answers={200: Deleted},
    raises=[ResourceDoesNotExistError, NotAuthorizedError],
)
def delete_property(call: OarCall[Options, None]) -> Answer:
    """Take an added property from all resources, with its values."""
    call.service.manager.resources.remove_property(call.caller, call.path["name"])
    return Answer(Deleted("deleted", call.now))


def _shown(each: Property) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(each)
    return shown

"""Making, changing and removing resources: for administrators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.api.oar.collection import whole
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.input import is_form
from hoplite.api.oar.links import Link
from hoplite.api.oar.resource_pages import (
    filled_form,
    next_of_change,
    next_of_new,
    next_of_removal,
    next_of_state,
    resource_page,
)
from hoplite.api.oar.resource_views import ResourceDetails, details, digits
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import (
    InvalidFieldError,
    NotAuthorizedError,
    ResourceDoesNotExistError,
    ResourceInUseError,
)
from hoplite.manager.resources import SETTABLE_STATES
from hoplite.model.resource import Resource, ResourceState

routes = OarRoutes("OAR resources")

_STATES = {"enum": [state.value for state in SETTABLE_STATES]}


class StateBody(msgspec.Struct, frozen=True):
    """The state that a resource is to have."""

    state: Annotated[str, Meta(extra_json_schema=_STATES)]


class StateAnswer(msgspec.Struct, frozen=True):
    """The state is set when this is answered."""

    id: str
    status: str
    uri: str
    api_timestamp: int


class NewResource(msgspec.Struct, frozen=True):
    """One that was made."""

    id: int
    status: str
    uri: str
    warnings: list[str]
    links: list[Link]


class NewResources(msgspec.Struct, frozen=True, kw_only=True):
    """Those that were made.  Where one hash was sent, ``id, status, uri`` and ``warnings`` of the
    one resource are here too."""

    items: list[NewResource]
    links: list[Link]
    offset: int
    total: int
    api_timestamp: int
    id: int | None = None
    status: str | None = None
    uri: str | None = None
    warnings: list[str] | None = None


class Deleted(msgspec.Struct, frozen=True):
    """It is gone."""

    status: str
    api_timestamp: int


@routes.post(
    "/resources",
    right=Right.OAR,
    body=Hash | list[Hash],
    about="Resource",
    answers={200: NewResources},
    raises=[NotAuthorizedError],
    form=filled_form,
    then=next_of_new,
)
def add_resources(call: OarCall[Options, Hash | list[Hash]]) -> Answer:
    """Make a resource, or several of an array: all of them or none.

    `network_address` (or `hostname`) is needed; all other keys are properties, flat or in a hash
    `properties`.  They are Alive at once.  A form has several in one field `items`, in JSON.
    """
    given = _given(call)
    if not given:
        raise Titled(
            "Missing Required Field", InvalidFieldError("the array is empty: there is no resource")
        )
    with_values = [_flat(each) for each in given]
    try:
        made = call.service.manager.resources.add(call.caller, with_values)
    except InvalidFieldError as error:
        if error.field == "network_address" and "must have" in str(error):
            raise Titled("Missing Required Field", error) from None
        raise
    shown = [_new(call, each) for each in made]
    answer = msgspec.to_builtins(whole(call, shown).value)
    if isinstance(call.body, dict):
        answer |= {key: shown[0][key] for key in ("id", "status", "uri", "warnings")}
    return Answer(answer)


@routes.post(
    "/resources/<id>",
    right=Right.OAR,
    body=Hash,
    about="Resource",
    answers={200: ResourceDetails},
    raises=[ResourceDoesNotExistError, NotAuthorizedError],
    page=resource_page,
    then=next_of_change,
)
def change_resource(call: OarCall[Options, Hash]) -> Answer:
    """Set properties of a resource (beyond OAR, whose administrators use `oarnodesetting`).

    The keys are as in `POST /resources`; null unsets a property that was added.
    """
    resources = call.service.manager.resources
    return Answer(details(call, resources.set_values(call.caller, [call.id], _flat(call.body))[0]))


@routes.post(
    "/resources/<id>/state",
    right=Right.OAR,
    body=StateBody,
    about="Resource state",
    answers={200: StateAnswer},
    raises=[ResourceDoesNotExistError],
    then=next_of_state,
)
def set_resource_state(call: OarCall[Options, StateBody]) -> Answer:
    """Make a resource Alive, Absent or Dead; it is when this is answered."""
    state = call.body.state
    if state not in SETTABLE_STATES:
        raise Titled(
            "Bad state", InvalidFieldError("State must be Alive, Absent or Dead!", field="state")
        )
    call.service.manager.resources.set_state(call.caller, [call.id], ResourceState(state))
    return Answer(
        {
            "id": digits(call, str(call.id)),
            "status": "Change state request registered",
            "uri": call.href(f"/resources/{call.id}"),
            "api_timestamp": call.now,
        }
    )


@routes.delete(
    "/resources/<id>",
    right=Right.OAR,
    answers={200: Deleted},
    raises=[ResourceDoesNotExistError, ResourceInUseError],
    then=next_of_removal,
)
def delete_resource(call: OarCall[Options, None]) -> Answer:
    """Remove a Dead resource for ever."""
    return _removed(call, [call.id])


@routes.delete(
    "/resources/<node>/<id>",
    right=Right.OAR,
    parameters={"node": "The network address of a node.", "id": "A cpuset of the node."},
    answers={200: Deleted},
    raises=[ResourceDoesNotExistError, ResourceInUseError],
)
def delete_resource_of_node(call: OarCall[Options, None]) -> Answer:
    """Remove what a node has under this cpuset, all of it Dead, for ever."""
    table, node = call.service.manager.resources.table, call.path["node"]
    on_node = table.by_value("network_address").get(node, 0)
    found = table.ids_of(on_node & table.by_value("cpuset").get(call.id, 0))
    if not found:
        raise ResourceDoesNotExistError(
            f"Corresponding resource could not be found: the node {node} has none of cpuset {call.id}"
        )
    return _removed(call, found)


def _given(call: OarCall[Any, Hash | list[Hash]]) -> list[Hash]:
    if isinstance(call.body, list):
        return call.body
    if not is_form(call.request) or "items" not in call.body:
        return [call.body]
    try:
        return msgspec.json.decode(call.body["items"], type=list[Hash])
    except (msgspec.MsgspecError, TypeError) as error:
        raise InvalidFieldError(
            f"items: it is no JSON array of resources: {error}", field="items"
        ) from None


def _removed(call: OarCall[Any, Any], resource_ids: Iterable[int]) -> Answer:
    call.service.manager.resources.remove(call.caller, resource_ids)
    return Answer(Deleted("deleted", call.now))


def _new(call: OarCall[Any, Any], resource: Resource) -> dict[str, Any]:
    link = call.link("self", f"/resources/{resource.id}")
    return {
        "id": resource.id,
        "status": "ok",
        "uri": link.href,
        "warnings": [],
        "links": [link],
    }


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """The properties, whether flat or in a hash ``properties``."""
    nested = given.get("properties", {})
    if not isinstance(nested, dict):
        raise InvalidFieldError("properties: expected a hash of properties", field="properties")
    flat = {name: value for name, value in given.items() if name != "properties"}
    twice = sorted(flat.keys() & nested.keys())
    if twice:
        raise InvalidFieldError(f"{twice[0]} is given twice", field=twice[0])
    return {**flat, **nested}

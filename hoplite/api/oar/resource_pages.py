"""What browsers are shown of resources, and the form for new ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from flask import Response

from hoplite.api.oar.endpoint import OarCall, OarRoutes, Options
from hoplite.api.oar.formats import Format
from hoplite.api.oar.input import is_form
from hoplite.api.oar.pages import Next, Page, page
from hoplite.exceptions import NotAcceptableError
from hoplite.manager.resources import SETTABLE_STATES
from hoplite.model.resource import ResourceState

routes = OarRoutes("OAR resources")

_GENERIC = Page("oar/value.html")
_OF_EVERY_ONE = {
    "id", "resource_id", "state", "network_address", "links", "uri", "node_uri", "jobs_uri",
    "api_timestamp",
}  # fmt: skip


class Field(NamedTuple):
    """A property that can be set in a form."""

    name: str
    value: str
    choices: tuple[str, ...]


def resources_page(call: OarCall[Any, Any], value: Any) -> Page:
    """A list of resources."""
    if call.structure == "oar":
        return _GENERIC
    rows = value["items"]
    of_node = call.path.get("address")
    in_detail = call.request.path.endswith(("/details.html", "/full.html"))
    shown = {
        "heading": f"Node {of_node}" if of_node else "Resources" + (" in detail" * in_detail),
        "rows": rows,
        "columns": [key for key in rows[0] if key not in _OF_EVERY_ONE]
        if rows and in_detail
        else [],
        "others": [
            ("In short", call.href("/resources")),
            ("In detail", call.href("/resources/details")),
            ("Properties", call.href("/resources/properties")),
        ],
        "jobs_of_node": call.href(f"/resources/nodes/{of_node}/jobs") if of_node else None,
    }
    return Page("oar/resources.html", shown)


def resource_page(call: OarCall[Any, Any], value: Any) -> Page:
    """One resource, with forms to change it where the caller may."""
    if call.structure == "oar":
        return _GENERIC
    own = call.href(f"/resources/{call.id}")
    is_dead = value["state"] == ResourceState.DEAD.value
    may = call.known is not None and call.known.is_admin
    shown = {
        "heading": f"Resource {call.id}",
        "properties": {key: each for key, each in value.items() if key not in _OF_EVERY_ONE},
        "states": [each.value for each in SETTABLE_STATES if each.value != value["state"]],
        "may": may,
        "set_state": call.href(f"/resources/{call.id}/state") + "?then=page",
        "change": f"{own}?then=page",
        "fields": list(_fields(call, value)) if may else [],
        "remove": f"{own}?method=delete&then=page" if is_dead else None,
    }
    return Page("oar/resource.html", shown)


def _fields(call: OarCall[Any, Any], value: Mapping[str, Any]) -> Iterator[Field]:
    for name, known in sorted(call.service.manager.resources.properties.by_name.items()):
        if not known.system and name in value:
            now = value[name]
            yield Field(name, "" if now is None else str(now), known.choices)


def next_of_state(call: OarCall[Any, Any]) -> Next:
    href = call.href(f"/resources/{call.id}")
    return Next(href, f"It is {call.service.manager.resources.resource(call.id).state.value} now")


def next_of_change(call: OarCall[Any, Any]) -> Next:
    return Next(call.href(f"/resources/{call.id}"), "The property is set")


def next_of_removal(call: OarCall[Any, Any]) -> Next:
    return Next(call.href("/resources"), f"Resource {call.id} is removed")


def next_of_new(call: OarCall[Any, Any]) -> Next:
    return Next(call.href("/resources"), "The resources are made")


@routes.get("/resources/form", answers={200: "text/html"})
def resource_form(call: OarCall[Options, None]) -> Response:
    """Show the form for new resources."""
    if call.wanted.format is not Format.HTML and call.request.path.endswith((".json", ".yaml")):
        raise NotAcceptableError("the form is a page: ask for it as text/html")
    shown = _form(call, {"resources": "/nodes=node{2}/cpu={1}/core={4}"})
    return page(shown.template, **shown.values)


def filled_form(call: OarCall[Any, Any]) -> Page:
    """The form as it was sent."""
    return _form(call, call.request.form.to_dict() if is_form(call.request) else {})


def generated_page(call: OarCall[Any, Any], value: Any) -> Page:
    """What an expression stands for, with a form that makes it."""
    sent = call.request.form.to_dict() if is_form(call.request) else {}
    items = msgspec.json.encode(value["items"]).decode()
    return _form(call, sent, generated=value["items"], as_json=items)


def _form(call: OarCall[Any, Any], values: Mapping[str, Any], **more: Any) -> Page:
    shown = {
        "heading": "New resources",
        "filled": values,
        "generate": call.base.href("/resources/generate", extension=".html"),
        "make": call.base.href("/resources", extension=".html") + "?then=page",
        "may": call.known is not None and call.known.is_admin,
        **more,
    }
    return Page("oar/resource_form.html", shown)

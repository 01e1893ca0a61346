"""``POST /resources/generate``: many resources from one line, to look at and to post."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.api.oar.collection import Collection, whole
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.resource_pages import filled_form, generated_page
from hoplite.api.oar.resource_views import digits
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import InvalidFieldError, RequestSyntaxError
from hoplite.model.resource_expression import generated
from hoplite.model.resource_set import ResourceTable

routes = OarRoutes("OAR resources")

_NOT_SET = ("", "0", "no", "NO", "false")


class GenerateBody(msgspec.Struct, frozen=True):
    """What to generate."""

    resources: (
        Annotated[str, Meta(description="Like `/nodes=node{2}.x/cpu={2}/core={2}`.")] | None
    ) = None
    ressources: (
        Annotated[str, Meta(description="The same, as the document's example spells it.")] | None
    ) = None
    properties: Annotated[
        dict[str, str | int | bool | None] | str | None,
        Meta(description="Properties that all of them have, as a hash or as `k=v,k=v`."),
    ] = None
    auto_offset: Annotated[
        bool | int | str,
        Meta(description="`1`: numbers go on where those of the present resources end."),
    ] = False


class GeneratedResource(msgspec.Struct, frozen=True):
    """One: a key for each level and property, and its number on its node."""

    network_address: str
    cpuset: int | str


@routes.post(
    "/resources/generate",
    right=Right.OAR,
    body=GenerateBody,
    about="Resource generation",
    answers={200: Collection[GeneratedResource]},
    raises=[RequestSyntaxError],
    page=generated_page,
    form=filled_form,
)
def generate_resources(call: OarCall[Options, GenerateBody]) -> Answer:
    """Say which resources an expression stands for; nothing is made.

    The `items` can be sent to `POST /resources` as they are.
    """
    expression = call.body.resources or call.body.ressources
    if not expression:
        raise Titled(
            "Missing Required Field",
            InvalidFieldError(
                "Resources generation description must have a resources field", field="resources"
            ),
        )
    first = _next_number(call) if _is_set(call.body.auto_offset) else (lambda _name: 1)
    made = generated(expression, first)
    properties = _properties(call.body.properties)
    twice = sorted(properties.keys() & made[0].keys())
    if twice:
        raise InvalidFieldError(f"properties: {twice[0]} is a level already", field="properties")
    return whole(call, [_shown(call, {**each, **properties}) for each in made])


def _shown(call: OarCall[Any, Any], made: Mapping[str, Any]) -> Hash:
    return {name: digits(call, value) for name, value in made.items()}


def _is_set(auto_offset: bool | int | str) -> bool:
    return bool(auto_offset) and auto_offset not in _NOT_SET


def _next_number(call: OarCall[Any, Any]) -> Any:
    table: ResourceTable = call.service.manager.resources.table

    def first(name: str) -> int:
        numbers = [value for value in table.by_value(name) if isinstance(value, int)]
        return max(0, *numbers, 0) + 1

    return first


def _properties(given: Mapping[str, Any] | str | None) -> dict[str, Any]:
    if not isinstance(given, str):
        return dict(given or {})
    found: dict[str, Any] = {}
    for part in filter(None, map(str.strip, given.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise InvalidFieldError(
                f"properties: expected name=value, got {part!r}", field="properties"
            )
        found[name.strip()] = value.strip()
    return found

"""Routes that use all of the frame, so that it can be tested before and apart from the real ones."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response

from hoplite.api.oar.collection import Collection, item, limit_of, paged, whole
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, PageQuery, Right
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import InvalidFieldError, NotFoundError, UnavailableError

routes = OarRoutes("sample")
TOTAL = 5


class Row(msgspec.Struct):
    id: int
    name: str


class RowQuery(PageQuery, frozen=True):
    name: str | None = None


class RowBody(msgspec.Struct, frozen=True):
    name: str
    count: int = 1


def row(call: OarCall[Any, Any], number: int) -> dict[str, Any]:
    links = [
        call.link("member", "/rows/nodes/n 1.example", "node"),
        call.link("self", f"/rows/{number}"),
        call.link("collection", f"/rows/{number}/jobs", "jobs"),
    ]
    values = {"id": number, "name": "<b>NO</b>", "uri_of_user": "javascript:alert(1)"}
    return item(call, values, links, with_uris=True)


@routes.get("/rows", query=RowQuery, answers={200: Collection[Row]}, aliases=["/rows/full"])
def rows(call: OarCall[RowQuery, None]) -> Answer:
    """List rows."""
    limit = limit_of(call)
    numbers = range(1, TOTAL + 1) if call.query.name != "nobody" else range(0)
    begin = call.query.offset
    page = numbers[begin:] if limit is None else numbers[begin : begin + limit]
    return paged(call, [row(call, number) for number in page], len(numbers))


@routes.get("/rows/<id>", answers={200: Row}, raises=[NotFoundError])
def one_row(call: OarCall[Options, None]) -> Answer:
    """Show a row."""
    if call.id > TOTAL:
        raise Titled("Row not found", NotFoundError("Row not found"))
    return Answer(row(call, call.id))


@routes.get(
    "/rows/nodes/<address>", answers={200: Collection[Row]}, parameters={"address": "The node."}
)
def rows_of_node(call: OarCall[Options, None]) -> Answer:
    """List the rows of a node."""
    return whole(call, [{"network_address": call.path["address"]}])


@routes.post("/rows", right=Right.OAR, body=RowBody, about="Row", answers={201: Row})
def add_row(call: OarCall[Options, RowBody]) -> Answer:
    """Add a row."""
    location = {"Location": call.href("/rows/6")}
    return Answer({"id": 6, "name": call.body.name, "count": call.body.count}, 201, location)


@routes.post("/said", right=Right.USER, body=Hash | list[Hash], about="Saying", answers={200: dict})
def said(call: OarCall[Options, Hash | list[Hash]]) -> Answer:
    """Say the body again."""
    return Answer({"said": call.body, "by": call.caller.name})


@routes.get("/broken/<what>", answers={200: dict}, parameters={"what": "How."})
def broken(call: OarCall[Options, None]) -> Response:
    """Fail."""
    if call.path["what"] == "busy":
        raise UnavailableError("not now")
    if call.path["what"] == "field":
        raise InvalidFieldError("what: wrong", field="what")
    raise RuntimeError("a secret of the inside")

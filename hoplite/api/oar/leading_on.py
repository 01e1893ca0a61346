"""After a form of our own pages: the browser is led on, and told there what was done.

A page that answered the form itself would send it again whenever somebody reloads it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, flash

from hoplite.api.oar.endpoint import Answer, OarCall, OarOperation
from hoplite.api.oar.formats import Format
from hoplite.api.oar.input import is_form
from hoplite.api.oar.links import query_pairs
from hoplite.api.oar.pages import Next

_LONGEST = 1500
"""Characters: the words are in a cookie until they are shown."""


def led_on(
    operation: OarOperation, call: OarCall[Any, Any], answer: Answer | Response
) -> Response | None:
    """303 to where the form leads; None where the request is none of our forms."""
    if operation.method == "GET" or not _is_ours(call):
        return None
    found = operation.then(call) if operation.then is not None else _found(call, answer)
    if found is None:
        return None
    if found.words:
        flash(found.words if len(found.words) <= _LONGEST else found.words[:_LONGEST] + " …")
    return Response(status=303, headers={"Location": found.href, "Cache-Control": "no-store"})


def _is_ours(call: OarCall[Any, Any]) -> bool:
    asks = ("then", "page") in query_pairs(call.request)
    return asks and call.wanted.format is Format.HTML and is_form(call.request)


def _found(call: OarCall[Any, Any], answer: Answer | Response) -> Next | None:
    """What the answer says, and where its ``Location`` or its link to itself leads."""
    if isinstance(answer, Response):
        return None
    value = msgspec.to_builtins(answer.value)
    if not isinstance(value, dict):
        return None
    links = {link["rel"]: link["href"] for link in reversed(value.get("links") or [])}
    href = answer.headers.get("Location") or links.get("self") or value.get("uri")
    words = value.get("cmd_output") or value.get("status") or "Done"
    if "effect" in value:
        words = f"Changed; it holds: {value['effect']}"
    return Next(str(href), str(words).strip()) if href else None

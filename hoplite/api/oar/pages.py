"""Answers as bytes in their format, pages among them."""

from __future__ import annotations

import stat
from datetime import datetime
from typing import Any

import msgspec
from flask import Flask, Response, current_app, g, render_template, request

from hoplite.api.oar.formats import HTML, Format, Wanted, to_json, to_yaml
from hoplite.api.oar.links import PRIVATE, Base

_MENU = (
    ("Resources", "/resources"),
    ("Generate resources", "/resources/form"),
    ("Jobs", "/jobs"),
    ("Job submission", "/jobs/form"),
    ("Admission rules", "/admission_rules"),
    ("Rule submission", "/admission_rules/form"),
    ("Configuration", "/config"),
)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
SERVED = "hoplite.oar.served"
"""``app.extensions`` has under this name the paths that answer GET."""


def write(to: Wanted, value: Any, status: int = 200, *, heading: str = "") -> Response:
    """``value`` in the asked format."""
    if to.format is Format.HTML:
        return page("oar/value.html", status, heading=heading, value=msgspec.to_builtins(value))
    body = to_json(value) if to.format is Format.JSON else to_yaml(value)
    return _varying(Response(body, status, content_type=to.content_type))


def page(template: str, status: int = 200, **shown: Any) -> Response:
    """A page with the menu; ``shown`` is what the template needs of its own."""
    base: Base = g.oar_base
    served = current_app.extensions[SERVED]
    menu = [(words, base.href(path, extension=".html")) for words, path in _MENU if path in served]
    caller = g.get("caller")
    text = render_template(
        template,
        menu=menu,
        home=base.href("/index", extension=".html"),
        login=base.root + PRIVATE + "/index.html",
        caller=caller,
        **shown,
    )
    response = _varying(Response(text, status, mimetype=HTML.media))
    response.headers.update(_HEADERS)
    return response


def _varying(response: Response) -> Response:
    response.vary.update(("Accept", "Content-Type"))
    return response


def register_pages(app: Flask) -> None:
    app.jinja_env.tests["address"] = _is_address
    app.jinja_env.filters["filemode"] = stat.filemode
    app.jinja_env.filters["moment"] = _moment


def _is_address(value: Any) -> bool:
    """Whether a link may lead there: scripts are addresses too, for browsers."""
    return isinstance(value, str) and (
        value.startswith(("http://", "https://")) or (value[:1] == "/" and value[1:2] not in "/\\")
    )


def _moment(seconds: int) -> str:
    """Seconds since 1970, as people write it."""
    try:
        return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def heading_of_request() -> str:
    """What a page is about: the path that was asked for, without mount and extension."""
    below = request.path.lstrip("/").partition("/")[2]
    return "/" + below.removesuffix(".html")

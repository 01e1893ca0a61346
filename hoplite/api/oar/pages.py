"""Answers as bytes in their format, pages among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Flask, Response, current_app, g, render_template, request

from hoplite.api.oar.formats import HTML, Format, Wanted, to_json, to_yaml
from hoplite.api.oar.links import PRIVATE, Base, path_of
from hoplite.api.oar.page_texts import register_texts
from hoplite.api.page_headers import PAGE_HEADERS

_MENU = (
    ("Jobs", "/jobs", ".html"),
    ("Submit a job", "/jobs/form", ".html"),
    ("Resources", "/resources", ".html"),
    ("New resources", "/resources/form", ".html"),
    ("Files", "/media/ls/~/", ""),
    ("Admission rules", "/admission_rules", ".html"),
    ("New rule", "/admission_rules/form", ".html"),
    ("Configuration", "/config", ".html"),
    ("Accounting", "/accounting", ".html"),
)
_SERVED_AS = {"/media/ls/~/": "/media/ls/<file:path>"}
_FOR_KNOWN = {"/accounting"}
"""Strangers are shown nothing there, unless the setting ``visibility`` says so."""
_FOR_ADMINISTRATORS = {"/resources/form", "/admission_rules/form"}
"""Anybody may look at these forms, as in OAR, and only administrators can send them."""
SERVED = "hoplite.oar.served"
"""``app.extensions`` has under this name the paths that answer GET, with who may."""


@dataclass(frozen=True)
class Page:
    """What a browser is shown: a template and what it needs."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Next:
    """Where a browser goes after a form that succeeded, and what it is told there."""

    href: str
    words: str


def write(to: Wanted, value: Any, status: int = 200, *, shown: Page) -> Response:
    """``value`` in the asked format; browsers are shown ``shown``, whose template gets the value too."""
    if to.format is Format.HTML:
        return page(shown.template, status, value=msgspec.to_builtins(value), **shown.values)
    body = to_json(value) if to.format is Format.JSON else to_yaml(value)
    return _varying(Response(body, status, content_type=to.content_type))


def page(template: str, status: int = 200, **shown: Any) -> Response:
    """A page with the menu; ``shown`` is what the template needs of its own."""
    base: Base = g.oar_base
    text = render_template(
        template,
        menu=_menu(base),
        home=base.href("/index", extension=".html"),
        root=base.root,
        login=base.root + PRIVATE + "/index.html",
        caller=g.get("caller"),
        **{"heading": heading_of_request(), "trail": _trail(base), **shown},
    )
    response = _varying(Response(text, status, mimetype=HTML.media))
    response.headers.update(PAGE_HEADERS)
    return response


def _varying(response: Response) -> Response:
    response.vary.update(("Accept", "Content-Type"))
    return response


def _menu(base: Base) -> list[tuple[str, str, bool]]:
    """Words, address, and whether it is this page: of what the caller may look at."""
    caller = g.get("caller")
    hidden = set() if caller is not None else _FOR_KNOWN
    if caller is None or not caller.is_admin:
        hidden = hidden | _FOR_ADMINISTRATORS
    here = "/" + request.path.lstrip("/").partition("/")[2]
    return [
        (words, base.href(path, extension=extension), here == path + extension)
        for words, path, extension in _MENU
        if path not in hidden and may_look_at(_SERVED_AS.get(path, path))
    ]


def may_look_at(path: str) -> bool:
    """Whether there is such a path to GET, as routes declare it, and the caller has the right."""
    right = current_app.extensions[SERVED].get(path)
    if right is None:
        return False
    caller = g.get("caller")
    return right == "public" or (caller is not None and (right == "user" or caller.is_admin))


def _trail(base: Base) -> list[tuple[str, str]]:
    """The pages above this one: the words, and the address."""
    parts = request.path.strip("/").split("/")[1:]
    if parts[:1] == ["media"]:
        return [_directory_of_request(base)]
    adapter = current_app.url_map.bind("")
    above = ["/" + "/".join(parts[:n]) for n in range(1, len(parts))]
    return [
        (path.rpartition("/")[2], base.href(path, extension=".html"))
        for path in above
        if adapter.test(f"{base.mount}{path}.html", "GET")
    ]


def _directory_of_request(base: Base) -> tuple[str, str]:
    """The directory that the file of the request is in; where a file was to be put into one, that."""
    verb, _, path = path_of(request)[len(f"{base.mount}/media/") :].partition(b"/")
    if verb not in (b"ls", b"force", b"chmod"):
        path = verb + b"/" + path
    if verb != b"ls" or request.method == "GET":
        path = path.rpartition(b"/")[0]
    name = path.rpartition(b"/")[2] or path or b"/"
    return name.decode("utf-8", "replace"), base.href(b"/media/ls/" + path)


def register_pages(app: Flask) -> None:
    register_texts(app.jinja_env)


def heading_of_request() -> str:
    """What a page is about: the path that was asked for, without mount and extension."""
    below = request.path.lstrip("/").partition("/")[2]
    return "/" + below.removesuffix(".html")

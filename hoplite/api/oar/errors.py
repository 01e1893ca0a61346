"""Every error below the mounts: ``{code, title, message}`` in the asked format."""

from __future__ import annotations

import re

from flask import Request, Response, g

from hoplite.api.oar.formats import JSON, Format, Wanted, wanted
from hoplite.api.oar.links import PRIVATE, mount_of, query_pairs
from hoplite.api.oar.pages import Page, write
from hoplite.api.oar.titled import OarError, Titled, title_of
from hoplite.exceptions import HopliteError, NotAuthenticatedError, NotFoundError

_NAME = re.compile(r"[\w-]+")


def oar_error(request: Request, error: HopliteError, title: str | None = None) -> Response:
    """The answer that says ``error``."""
    said = _said(request, error, title or title_of(error))
    to = _format(request)
    shown = _page(error, said) if to.format is Format.HTML else _ERROR
    answer = write(to, said, said.code, shown=shown)
    answer.headers["Hoplite-Error"] = error.code
    return answer


_ERROR = Page("oar/error.html")


def _page(error: HopliteError, said: OarError) -> Page:
    """The form that was sent, with what was wrong; or just what was."""
    form = g.get("oar_form")
    values = {"error": said, "field": _field_name(error)}
    if form is None or isinstance(error, NotAuthenticatedError):
        return Page(_ERROR.template, {"heading": said.title, **values})
    again: Page = form()
    return Page(again.template, {**again.values, **values})


def _field_name(error: HopliteError) -> str:
    """The field of the form: of ``type[0]`` it is ``type``."""
    found = _NAME.match(error.field or "")
    return found[0] if found else ""


def _said(request: Request, error: HopliteError, title: str) -> OarError:
    message = str(error)
    if isinstance(error, NotFoundError) and request.routing_exception is not None:
        below = "/" + request.path.lstrip("/").partition("/")[2]
        message = f"No way to handle your request {below}"
    if _is_debugged(request) and not _is_challenge(request, error):
        return OarError(200, f"ERROR {error.http_status} - {title}", message)
    return OarError(error.http_status, title, message)


def _is_debugged(request: Request) -> bool:
    return g.get("oar_debug", False) or ("debug", "1") in query_pairs(request)


def _is_challenge(request: Request, error: HopliteError) -> bool:
    """Whether clients must see the 401: without it none would ever log in at the private mount."""
    return isinstance(error, NotAuthenticatedError) and mount_of(request.path) == PRIVATE


def _format(request: Request) -> Wanted:
    """As far as the request tells; an error about just that is in JSON."""
    found: Wanted | None = g.get("oar_wanted")
    if found is not None:
        return found
    try:
        return wanted(request)
    except Titled:
        return JSON

"""Errors that the HTTP server says without asking the application, in the asked format."""

from __future__ import annotations

from html import escape

from hoplite.api.oar.formats import JSON, Format, Wanted, to_json, to_yaml, wanted_by
from hoplite.api.oar.titled import OarError, Titled, title_of
from hoplite.exceptions import HopliteError

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1><p>{message}</p></main></body></html>
"""


def refusal(error: HopliteError, path: str, accept: str) -> tuple[str, bytes]:
    """The content type and the body that say ``error`` below a mount."""
    to = _wanted(path, accept)
    said = OarError(error.http_status, title_of(error), error.message)
    if to.format is Format.HTML:
        text = _PAGE.format(title=escape(said.title), message=escape(said.message))
        return to.content_type, text.encode()
    return to.content_type, to_json(said) if to.format is Format.JSON else to_yaml(said)


def _wanted(path: str, accept: str) -> Wanted:
    try:
        return wanted_by(path, accept, "")
    except Titled:
        return JSON

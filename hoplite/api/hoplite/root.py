"""``/``, ``/health``, ``/metrics``: what this server is and how it fares."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, current_app, render_template
from markupsafe import Markup, escape

import hoplite
from hoplite.api.answers import json_answer
from hoplite.api.endpoint import Call, Routes
from hoplite.api.page_headers import PAGE_HEADERS
from hoplite.exceptions import HopliteError

routes = Routes("server")

LINKS = {
    "jobs": "/jobs",
    "running": "/jobs/running",
    "job_plugins": "/job_plugins",
    "events": "/events",
    "health": "/health",
    "metrics": "/metrics",
    "docs": "/docs",
    "openapi": "/openapi.json",
}


class About(msgspec.Struct, frozen=True):
    """What this is."""

    name: str
    version: str
    links: dict[str, str]


class Health(msgspec.Struct, frozen=True):
    """``status`` is ``ok`` or ``unavailable``; ``checks`` has ``ok`` or the trouble for each."""

    status: str
    checks: dict[str, str]


class Alive(msgspec.Struct, frozen=True):
    status: str


class WhoAmI(msgspec.Struct, frozen=True):
    """``via`` names how the server knows: kernel, basic, token, proxy or process."""

    name: str
    role: str
    via: str


@routes.get("/", answers={200: About}, public=True)
def index(call: Call[Any, None]) -> Response:
    """Say what this server is; browsers get a page."""
    root = call.request.script_root
    links = {name: root + path for name, path in LINKS.items()}
    accepted = call.request.accept_mimetypes
    best = accepted.best_match(["application/json", "text/html"], default="application/json")
    if best == "text/html" and accepted["text/html"] > accepted["application/json"]:
        manager = call.service.manager
        return _page("index.html", version=hoplite.__version__, links=links, manager=manager)
    return json_answer(About("hoplite", hoplite.__version__, links))


@routes.get("/whoami", answers={200: WhoAmI})
def whoami(call: Call[Any, None]) -> Response:
    """Say whom the server takes the caller for."""
    caller = call.caller
    return json_answer(WhoAmI(caller.name, caller.role.value, caller.via))


@routes.get("/docs", answers={200: "text/html"}, public=True)
def docs(call: Call[Any, None]) -> Response:
    """Describe every route, for people."""
    return _page("docs.html", document=current_app.extensions["hoplite.openapi"])


@routes.get("/openapi.json", answers={200: dict}, public=True)
def openapi_document(call: Call[Any, None]) -> Response:
    """Describe every route, in OpenAPI 3.1."""
    return json_answer(current_app.extensions["hoplite.openapi"])


def marked_code(text: str) -> Markup:
    """What stands between backquotes as ``<code>``."""
    parts = text.replace("``", "`").split("`")
    marked = (
        Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts)
    )
    return Markup("").join(marked)


def _page(template: str, **shown: Any) -> Response:
    return Response(render_template(template, **shown), mimetype="text/html", headers=_HEADERS)


_HEADERS = {**PAGE_HEADERS, "Vary": "Accept"}


@routes.get("/health", answers={200: Health, 503: Health}, public=True)
def health(call: Call[Any, None]) -> Response:
    """Say whether the server can take work: 503 if not, with the reason."""
    checks = _checks(call)
    ready = all(word == "ok" for word in checks.values())
    answer = Health("ok" if ready else "unavailable", checks)
    return json_answer(answer, 200 if ready else 503)


def _checks(call: Call[Any, None]) -> dict[str, str]:
    manager = call.service.manager
    return {
        "journal": _journal_check(call),
        "jobs": str(manager.inbox.trouble) if manager.inbox.trouble else "ok",
        "accepting": "the server is stopping" if manager.stopping else "ok",
    }


def _journal_check(call: Call[Any, None]) -> str:
    try:
        call.service.manager.table.journal.check()
    except HopliteError as error:
        return str(error)
    return "ok"


@routes.get("/health/live", answers={200: Alive}, public=True)
def alive(call: Call[Any, None]) -> Response:
    """Say that the process answers, whatever else is wrong."""
    return json_answer(Alive("ok"))


@routes.get("/metrics", answers={200: "text/plain"})
def metrics(call: Call[Any, None]) -> Response:
    """Numbers in Prometheus' text form."""
    return Response(
        call.service.metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8"
    )

"""Making the Flask app, with the job manager behind it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, g, request

import hoplite
from hoplite.api import openapi
from hoplite.api.auth.in_process import InProcessClient
from hoplite.api.auth.proxy import TrustedProxies
from hoplite.api.errors import error_answer, register_errors
from hoplite.api.hoplite import (
    events,
    job,
    job_files,
    job_lists,
    job_plugins,
    job_why,
    logs,
    new_job,
    root,
)
from hoplite.api.oar.form_methods import FormMethods
from hoplite.api.oar.links import mount_of
from hoplite.api.oar.mount import OAR_ROUTES, OarDialect
from hoplite.api.service import Service
from hoplite.exceptions import HopliteError

HOPLITE_ROUTES = (
    job_lists.routes,
    new_job.routes,
    job.routes,
    job_why.routes,
    logs.routes,
    job_files.routes,
    events.routes,
    job_plugins.routes,
    root.routes,
)


class _App(Flask):
    """All that is registered here is synchronous."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        # Flask looks again in every request, three times, whether it is a coroutine function.
        return func


def build_app(service: Service) -> Flask:
    """The app over a running service."""
    app = _App("hoplite.web", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = service.settings.max_body_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = service.settings.max_body_bytes
    app.test_client_class = InProcessClient
    # Signs the cookie in which a page is told what the form before it did: worth nothing afterwards.
    app.secret_key = secrets.token_bytes(32)
    app.config.update(SESSION_COOKIE_NAME="hoplite_told", SESSION_COOKIE_SAMESITE="Strict")
    app.wsgi_app = TrustedProxies(  # type: ignore[method-assign] # as Flask says to add middleware
        app.wsgi_app,
        proxies=service.settings.behind_proxy,
        user_header=service.settings.proxy_user_header,
    )
    app.wsgi_app = FormMethods(app.wsgi_app)  # type: ignore[method-assign] # as above
    document = openapi.document(
        [
            *(operation for routes in HOPLITE_ROUTES for operation in routes.operations),
            *(operation for routes in OAR_ROUTES for operation in routes.operations),
        ],
        hoplite.__version__,
    )
    app.extensions["hoplite.openapi"] = document
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["code"] = root.marked_code
    for routes in HOPLITE_ROUTES:
        routes.register(app, service)
    oar = OarDialect(app, service)

    def write(error: HopliteError) -> Response:
        return oar.error(error) if mount_of(request.path) else error_answer(error)

    register_errors(app, service, write)
    _register_admission(app, service, oar)
    _register_measuring(app, service)
    return app


def _register_admission(app: Flask, service: Service, oar: OarDialect) -> None:
    """Who asks, from where: before anything else is looked at."""

    @app.before_request
    def admit() -> None:
        asked, kept = _request_and_kept()
        kept.caller = None
        kept.began = time.perf_counter()
        environ = asked.environ
        service.check_origin(environ)
        kept.caller = service.authenticators.identify(environ)
        oar.admit(kept.caller)


def _register_measuring(app: Flask, service: Service) -> None:
    answered = service.metrics.answered

    @app.after_request
    def measure(response: Response) -> Response:
        asked, kept = _request_and_kept()
        rule = asked.url_rule
        if rule is not None and "long" not in kept:
            took = time.perf_counter() - kept.began
            answered(asked.method, kept.get("route", rule.rule), response.status_code, took)
        return response


def _request_and_kept() -> tuple[Request, Any]:
    """The request, and what is kept for it.  They themselves: each look through Flask's stand-ins
    costs as much as a look into a dict, and these are looked at for every request."""
    asked: Request = request._get_current_object()  # type: ignore[attr-defined] # not in its stubs
    return asked, g._get_current_object()

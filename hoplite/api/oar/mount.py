"""The two mounts: every route of the dialect on the app, with who may and in which format."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
from flask import Flask, Response, g, request
from werkzeug.routing import BaseConverter

from hoplite.api.auth.addresses import Networks
from hoplite.api.oar import (
    accounting,
    admission_rehearsal,
    admission_rules,
    config,
    job,
    job_actions,
    job_update,
    job_why,
    jobs,
    media,
    media_changes,
    resource_changes,
    resource_generation,
    resource_pages,
    resource_properties,
    resources,
    root,
    rule_pages,
    submission,
)
from hoplite.api.oar.endpoint import Answer, OarCall, OarOperation, OarRoutes, Right
from hoplite.api.oar.errors import oar_error
from hoplite.api.oar.formats import Format, wanted
from hoplite.api.oar.input import body_of, query_of
from hoplite.api.oar.leading_on import led_on
from hoplite.api.oar.links import MOUNTS, OPEN, PRIVATE, Base, mount_of, root_of
from hoplite.api.oar.pages import SERVED, Page, register_pages, write
from hoplite.api.oar.titled import Titled
from hoplite.api.service import Service
from hoplite.exceptions import HopliteError, NotAuthenticatedError, NotAuthorizedError
from hoplite.model.caller import Caller

OAR_ROUTES: tuple[OarRoutes, ...] = (
    root.routes,
    jobs.routes,
    job.routes,
    job_why.routes,
    resources.routes,
    resource_changes.routes,
    resource_generation.routes,
    resource_pages.routes,
    resource_properties.routes,
    job_actions.routes,
    job_update.routes,
    submission.routes,
    media.routes,
    media_changes.routes,
    admission_rules.routes,
    rule_pages.routes,
    admission_rehearsal.routes,
    config.routes,
    accounting.routes,
)


_GENERIC = Page("oar/value.html")
_NAME = re.compile(r"<(\w+)>")


class _Number(BaseConverter):
    """Or the uuid of a job."""

    regex = "(?:[0-9]{1,15}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    weight = 50


class _Digits(BaseConverter):
    regex = "[0-9]{1,15}"


class _Segment(BaseConverter):
    """As little as leaves the rest to an extension."""

    regex = "[^/]+?"
    part_isolating = True


class _File(BaseConverter):
    """The path of a file: anything, newlines and empty names too."""

    part_isolating = False
    regex = "(?s:.*)"
    weight = 300


class _Extension(BaseConverter):
    regex = r"(?:\.(?:json|yaml|html))?"


class OarDialect:
    """The dialect on one app."""

    def __init__(self, app: Flask, service: Service) -> None:
        self._service = service
        self._proxies = Networks(service.settings.behind_proxy)
        operations = [each for routes in OAR_ROUTES for each in routes.operations]
        app.extensions[SERVED] = {
            each.path: each.right.value for each in operations if each.method == "GET"
        }
        app.url_map.converters |= {
            "oarid": _Number,
            "oarname": _Segment,
            "oarext": _Extension,
            "number": _Digits,
            "file": _File,
        }
        register_pages(app)
        self._register(app, operations)

    def admit(self, caller: Caller | None) -> None:
        """Called before anything else is looked at.  Raises
        :class:`~hoplite.exceptions.NotAuthenticatedError` for strangers at the private mount."""
        if caller is None and mount_of(request.path) == PRIVATE:
            raise NotAuthenticatedError(
                f"{PRIVATE} is for those whom the server knows: log in with Basic or a Bearer token"
            )

    def error(self, error: HopliteError) -> Response:
        """The answer that says ``error``, below a mount."""
        self._base()
        return oar_error(request, error, g.get("oar_title"))

    def _base(self) -> Base:
        if "oar_base" not in g:
            g.oar_base = Base(root_of(request, self._proxies), mount_of(request.path) or OPEN)
        base: Base = g.oar_base
        return base

    def _register(self, app: Flask, operations: Iterable[OarOperation]) -> None:
        allowed: dict[str, list[str]] = {}
        for operation in operations:
            allowed.setdefault(operation.path, []).append(operation.method)
        for operation in operations:
            view = self._view(operation, allowed[operation.path])
            for rule in _rules(operation):
                app.add_url_rule(
                    rule,
                    endpoint=f"oar.{operation.method} {rule}",
                    view_func=view,
                    methods=[operation.method],
                )

    def _view(self, operation: OarOperation, methods: list[str]) -> Callable[..., Response]:
        def view(**path: str) -> Response:
            base = self._base()
            g.route = base.mount + operation.path
            try:
                call = self._call(operation, base, path)
                answer = operation.handler(call)
            except Titled as refused:
                g.oar_title = refused.title
                raise refused.error from None
            return led_on(operation, call, answer) or _written(operation, call, answer, methods)

        return view

    def _call(self, operation: OarOperation, base: Base, path: dict[str, str]) -> OarCall[Any, Any]:
        path.pop("extension", None)
        g.oar_wanted = wanted(request, by_extension=operation.by_extension)
        query: Any = query_of(request, operation.query)
        call: OarCall[Any, Any] = OarCall(
            service=self._service,
            request=request,
            query=query,
            body=None,
            path=path,
            known=g.caller,
            wanted=g.oar_wanted,
            base=base,
            structure=query.structure,
        )
        _check_right(operation, call)
        if operation.form is not None:
            g.oar_form = partial(operation.form, call)
        if operation.body is None:
            return call
        body = body_of(request, operation.body, operation.about)
        return dataclasses.replace(call, body=body)


def _written(
    operation: OarOperation,
    call: OarCall[Any, Any],
    answer: Answer | Response,
    methods: list[str],
) -> Response:
    if isinstance(answer, Answer):
        shown = _GENERIC
        if operation.page is not None and call.wanted.format is Format.HTML:
            shown = operation.page(call, msgspec.to_builtins(answer.value))
        response = write(call.wanted, answer.value, answer.status, shown=shown)
        response.headers.update(answer.headers)
    else:
        response = answer
    if response.status_code == 200:
        response.headers["Allow"] = ", ".join(methods)
    return response


def _rules(operation: OarOperation) -> list[str]:
    path = operation.path.replace("<id>", "<oarid:id>")
    path = _NAME.sub(r"<oarname:\1>", path)
    extension = "<oarext:extension>" if operation.by_extension else ""
    rules = [mount + path + extension for mount in MOUNTS]
    return [*rules, *MOUNTS] if operation.path == "/" else rules


def _check_right(operation: OarOperation, call: OarCall[Any, Any]) -> None:
    if operation.right is Right.PUBLIC:
        return
    caller = call.caller
    if operation.right is Right.OAR and not caller.is_admin:
        raise NotAuthorizedError(
            f"Only the oar user can do this: {operation.method} {operation.path} is for "
            f"administrators, which {caller.name} is not"
        )

"""How a route is declared: once, for the router, the validation and the OpenAPI document.

::

    routes = Routes("jobs")

    @routes.get("/jobs/<ref>", query=WaitQuery, answers={200: JobAnswer}, raises=[JobDoesNotExistError])
    def get_job(call: Call[WaitQuery, None]) -> Response:
        "The first line is the summary, the rest the description."
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from flask import Flask, Request, Response, g, request
from werkzeug.routing import BaseConverter

from hoplite.api.body import decode_body, decode_query
from hoplite.api.errors import ErrorAnswer
from hoplite.api.service import Service
from hoplite.exceptions import HopliteError, NotAuthenticatedError
from hoplite.model.caller import Caller

LARGEST = 2**53 - 1
"""The bound of whole numbers in requests: what every JSON reader, and every store, can hold."""

Q = TypeVar("Q")
B = TypeVar("B")


class JobRef(BaseConverter):
    """The uuid or id of a job in a path: what is not the name of a list beside the jobs."""

    regex = r"(?!running$)[^/]+"


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters."""


@dataclass(frozen=True)
class EventStream:
    """An answer of server-sent events: the type of the JSON in their ``data``, and their names."""

    data: type[msgspec.Struct]
    names: type[StrEnum]


@dataclass(frozen=True)
class Call(Generic[Q, B]):
    """One request, understood."""

    service: Service
    request: Request
    query: Q
    body: B
    path: Mapping[str, str]
    known: Caller | None
    """Who asks, if anybody knows."""

    @property
    def caller(self) -> Caller:
        """Who asks; raises :class:`~hoplite.exceptions.NotAuthenticatedError` if nobody knows."""
        if self.known is None:
            raise NotAuthenticatedError(_unknown(self.service.settings.auth))
        return self.known

    @property
    def ref(self) -> str:
        """The job that the path names."""
        return self.path["ref"]


Handler = Callable[[Call[Any, Any]], Response]


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    tag: str
    handler: Handler
    answers: Mapping[int, Any]
    """The type of each answer by status: a msgspec type, a media type as text, an
    :class:`EventStream`, or None."""
    query: type[msgspec.Struct] = NoQuery
    body: type[msgspec.Struct] | None = None
    raises: Sequence[type[HopliteError]] = ()
    public: bool = False
    headers: Mapping[str, Any] = field(default_factory=dict)
    """Request headers that it reads, with the type of each."""
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of its answers that mean something, with what they say."""
    body_rule: Mapping[str, Any] = field(default_factory=dict)
    """What ``body`` cannot say of itself, as JSON Schema."""

    body_files: Mapping[str, Any] = field(default_factory=dict)
    """Where the body is no value but a file: its schema by media type."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the names in the path mean."""

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def address(self) -> str:
        """The path on the server."""
        return self.path

    @property
    def answer_media(self) -> Sequence[str]:
        """In which media types its typed answers are given."""
        return ("application/json",)

    @property
    def body_media(self) -> Sequence[str]:
        """In which media types its body is read."""
        return ("application/json",)

    @property
    def error_type(self) -> type[msgspec.Struct]:
        return ErrorAnswer

    @property
    def summary(self) -> str:
        return self._doc.partition("\n")[0]

    @property
    def description(self) -> str:
        return self._doc.partition("\n")[2].strip()

    @property
    def _doc(self) -> str:
        return inspect.getdoc(self.handler) or self.name


class Routes:
    """The routes of one part of the API."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def add(self, method: str, path: str, **declared: Any) -> Callable[[Handler], Handler]:
        """Declare the decorated function as the answer to ``method path``; the rest is as in
        :class:`Operation`."""

        def declare(handler: Handler) -> Handler:
            operation = Operation(
                method=method, path=path, tag=self.tag, handler=handler, **declared
            )
            self.operations.append(operation)
            return handler

        return declare

    def get(self, path: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.add("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.add("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.add("PUT", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[Handler], Handler]:
        return self.add("DELETE", path, **declared)

    def register(self, app: Flask, service: Service) -> None:
        """Put the routes on ``app``."""
        app.url_map.converters["job"] = JobRef
        for operation in self.operations:
            app.add_url_rule(
                operation.path.replace("<ref>", "<job:ref>"),
                endpoint=f"{self.tag}.{operation.name}",
                view_func=_view(operation, service),
                methods=[operation.method],
            )


def _view(operation: Operation, service: Service) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        # The request itself: each look through Flask's stand-in for it costs as much as a dict's.
        asked = request._get_current_object()  # type: ignore[attr-defined] # not in its stubs
        call: Call[Any, Any] = Call(
            service,
            asked,
            decode_query(asked, operation.query),
            decode_body(asked, operation.body) if operation.body is not None else None,
            path,
            g.caller,
        )
        if not operation.public:
            _ = call.caller
        return operation.handler(call)

    return view


_WAYS = {
    "kernel": "come over loopback, where the server asks the kernel who you are",
    "users": "log in with Basic, or with a token (hop_...) as Bearer",
    "proxy": "come through the proxy that names you",
}


def _unknown(modes: Sequence[str]) -> str:
    return "this server does not know you: " + ", or ".join(_WAYS[mode] for mode in modes)

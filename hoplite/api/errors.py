"""Every error as JSON: what was wrong, which field, what would be right."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import structlog
from flask import Flask, Response, g, request
from msgspec import Meta
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from hoplite.api.answers import json_answer
from hoplite.api.service import Service
from hoplite.exceptions import (
    HopliteError,
    InternalServerError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotAcceptableError,
    NotAuthenticatedError,
    NotFoundError,
    RequestTimedOutError,
    TooLargeError,
    UnsupportedMediaTypeError,
    by_code,
)

log = structlog.get_logger("hoplite.api")


def _is_answered(kind: type[HopliteError]) -> bool:
    """Whether servers answer it: the others, which clients and jobs raise, set no HTTP status."""
    own = (base for base in kind.__mro__ if base is not HopliteError)
    return any("http_status" in vars(base) for base in own)


ANSWERED = [kind for kind in by_code().values() if _is_answered(kind)]
_CODES = {"enum": [kind.code for kind in ANSWERED]}
_CLASSES = {"enum": [kind.__name__ for kind in ANSWERED]}


class ErrorAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error.  ``exception`` is the class of :mod:`hoplite.exceptions` that clients raise."""

    error: str
    code: Annotated[str, Meta(extra_json_schema=_CODES)]
    exception: Annotated[str, Meta(extra_json_schema=_CLASSES)]
    field: str | None = None
    """The part of the request that is wrong."""


_OF_STATUS: dict[int, type[HopliteError]] = {
    400: InvalidRequestError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    406: NotAcceptableError,
    408: RequestTimedOutError,
    413: TooLargeError,
    414: TooLargeError,
    415: UnsupportedMediaTypeError,
}


Writer = Callable[[HopliteError], Response]


def error_answer(error: HopliteError) -> Response:
    """The body that says ``error`` in the Hoplite dialect."""
    answer = ErrorAnswer(str(error), error.code, type(error).__name__, error.field)
    return json_answer(answer, error.http_status)


def register_errors(app: Flask, service: Service, write: Writer = error_answer) -> None:
    """Have ``app`` answer every error in the form that ``write`` gives it."""

    def known(error: HopliteError) -> Response:
        response = write(error)
        if isinstance(error, NotAuthenticatedError) and "Authorization" in request.headers:
            log.warning("credentials refused", peer=request.remote_addr, path=request.path)
        if isinstance(error, NotAuthenticatedError):
            for challenge in service.authenticators.challenges():
                response.headers.add("WWW-Authenticate", challenge)
        retry_after = getattr(error, "retry_after_s", None)
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response

    def of_the_router(error: HTTPException) -> Response | Any:
        if error.code is not None and error.code < 400:
            return error.get_response()
        response = known(_understood(error))
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = _allowed(error)
        return response

    def unforeseen(error: Exception) -> Response:
        return known(_defect(error))

    app.register_error_handler(HopliteError, known)
    app.register_error_handler(HTTPException, of_the_router)
    app.register_error_handler(Exception, unforeseen)


def _understood(error: HTTPException) -> HopliteError:
    """The error of the tree that says what werkzeug's says."""
    status = error.code or 500
    ours = _OF_STATUS.get(status, InvalidRequestError if status < 500 else None)
    if ours is None:
        return _defect(error)
    return ours(_words(status, error))


def _allowed(error: MethodNotAllowed) -> str:
    return ", ".join(sorted(error.valid_methods or ()))


def _words(status: int, error: HTTPException) -> str:
    if status == 404:
        return f"there is nothing at {request.path}; GET /openapi.json lists all there is"
    if isinstance(error, MethodNotAllowed):
        return f"{request.method} does not apply to {request.path}; it takes {_allowed(error)}"
    if status == 413:
        return "the request is larger than this server takes (setting max_body_bytes)"
    return error.description or error.name


def _defect(error: Exception) -> InternalServerError:
    """A defect: told in full in the log, by a number in the answer."""
    number = secrets.token_hex(8)
    log.error(
        "defect",
        request=number,
        method=request.method,
        path=request.path,
        caller=getattr(g.get("caller"), "name", None),
        exc_info=error,
    )
    return InternalServerError(f"a defect of the server; its log has the details under {number}")

"""The JSON answers that a server gives without asking the application."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from hoplite.exceptions import (
    HopliteError,
    InternalServerError,
    InvalidRequestError,
    RequestTimedOutError,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse

_BY_STATUS: dict[int, type[HopliteError]] = {
    400: InvalidRequestError,
    408: RequestTimedOutError,
    413: TooLargeError,
    431: TooLargeError,
    501: InvalidRequestError,
}


def error_body(error: HopliteError) -> bytes:
    """``{"error", "code", "exception"}`` as the application writes it."""
    answer = {"error": error.message, "code": error.code, "exception": type(error).__name__}
    return msgspec.json.encode(answer)


def error_for(status: int, message: str) -> HopliteError:
    """The error of the tree that tells of a server's own refusal."""
    return _BY_STATUS.get(status, InternalServerError)(message)


def status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def answer_error(error: HopliteError, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a WSGI request with the error."""
    body = error_body(error)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    retry_after_s: int | None = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers.append(("Retry-After", str(retry_after_s)))
    start_response(status_line(error.http_status), headers)
    return [body]

"""The answers that a server gives without asking the application."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from hoplite.exceptions import (
    HopliteError,
    InternalServerError,
    InvalidRequestError,
    RequestTimedOutError,
    StorageFullError,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

_BY_STATUS: dict[int, type[HopliteError]] = {
    400: InvalidRequestError,
    408: RequestTimedOutError,
    413: TooLargeError,
    431: TooLargeError,
    501: InvalidRequestError,
    507: StorageFullError,
}


def error_body(error: HopliteError, path: str = "", accept: str = "") -> tuple[str, bytes]:
    """The content type, and the error as the application writes it at that path: JSON of
    ``{"error", "code", "exception"}``, or as the OAR dialect has it."""
    if path in ("/oarapi", "/oarapi-priv") or path.startswith(("/oarapi/", "/oarapi-priv/")):
        # Rare, and not worth a YAML library in every process that serves.
        from hoplite.api.oar.refusal import refusal

        return refusal(error, path, accept)
    answer = {"error": error.message, "code": error.code, "exception": type(error).__name__}
    return "application/json", msgspec.json.encode(answer)


def error_for(status: int, message: str) -> HopliteError:
    """The error of the tree that tells of a server's own refusal."""
    return _BY_STATUS.get(status, InternalServerError)(message)


def status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def answer_error(
    error: HopliteError, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer a WSGI request with the error."""
    path, accept = environ.get("PATH_INFO", ""), environ.get("HTTP_ACCEPT", "")
    content_type, body = error_body(error, path, accept)
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    retry_after_s: int | None = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers.append(("Retry-After", str(retry_after_s)))
    start_response(status_line(error.http_status), headers)
    return [body]

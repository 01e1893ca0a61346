"""Whether a large upload is received at all: only of callers whom the application knows.

A body waits on disk until it is whole, and only then does the application see who sent it.  What is
larger than other bodies may be would let strangers fill that disk: so the application is asked
first, by a request of its own with the upload's headers.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_WHO = "/oarapi-priv/whoami"
"""Answers 200 to those who are known."""


class Refusal(NamedTuple):
    """What the application says to one who is not known."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> int:
        return int(self.status.partition(" ")[0])


def refusal_of(app: WSGIApplication, environ: WSGIEnvironment) -> Refusal | None:
    """None: who sends the upload that begins with ``environ`` is known."""
    asking = {
        **environ,
        "REQUEST_METHOD": "GET",
        "PATH_INFO": _WHO,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": "0",
        "wsgi.input": io.BytesIO(),
    }
    asking.pop("HTTP_TRANSFER_ENCODING", None)
    said: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        said[:] = [(status, headers)]
        return lambda _: None

    answer = app(asking, start_response)
    try:
        body = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    status, headers = said[0]
    return None if status.startswith("200") else Refusal(status, headers, body)

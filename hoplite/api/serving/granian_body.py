"""Request bodies under granian, which lets the application wait for them without end.

waitress hands a request to a thread when it has arrived whole.  granian hands it over at once, and
offers no way to stop waiting: a client that sends slowly holds a thread for as long as it likes.
So only some of the threads may wait, and the others are left to requests without a body.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

from hoplite.exceptions import TooLargeError, UnavailableError

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_PIECE = 64 * 1024


class Bodies:
    """Receives bodies of up to ``max_bytes``, of up to ``waiting`` requests at a time."""

    def __init__(self, *, waiting: int, max_bytes: int) -> None:
        self._places = threading.BoundedSemaphore(waiting)
        self._max_bytes = max_bytes

    def receive(self, environ: WSGIEnvironment) -> None:
        """Put the whole body into ``environ``.

        Raises TooLargeError, or UnavailableError where all places are taken.
        """
        if not _has_body(environ):
            return
        if _announced(environ) > self._max_bytes:
            raise self._too_large()
        if not self._places.acquire(blocking=False):
            raise UnavailableError("too many requests are still being received; try again soon")
        try:
            body = self._read(environ["wsgi.input"])
        finally:
            self._places.release()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))

    def _read(self, stream: Any) -> bytes:
        body = bytearray()
        while piece := stream.read(_PIECE):
            body += piece
            if len(body) > self._max_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"the request body is larger than {self._max_bytes} bytes, the setting max_body_bytes"
        )


def _announced(environ: WSGIEnvironment) -> int:
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length[:20]) if length.isdecimal() else 0


def _has_body(environ: WSGIEnvironment) -> bool:
    return "HTTP_TRANSFER_ENCODING" in environ or _announced(environ) > 0

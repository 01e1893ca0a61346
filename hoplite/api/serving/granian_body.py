"""Request bodies under granian, which lets the application wait for them without end.

waitress hands a request to a thread when it has arrived whole.  granian hands it over at once, so
that clients which send slowly would hold all threads.
"""

from __future__ import annotations

import io
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hoplite.exceptions import RequestTimedOutError, TooLargeError, UnavailableError

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_PIECE = 64 * 1024


class Bodies:
    """Reads bodies for at most ``timeout_s``, and for at most ``waiting`` requests at a time, so
    that requests without a body always find a thread."""

    def __init__(self, *, waiting: int, timeout_s: float, max_bytes: int) -> None:
        self._places = threading.BoundedSemaphore(waiting)
        self._readers = ThreadPoolExecutor(waiting, thread_name_prefix="body")
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    def receive(self, environ: WSGIEnvironment) -> None:
        """Put the whole body into ``environ``.

        Raises RequestTimedOutError, TooLargeError, or UnavailableError where too many clients send
        slowly already.
        """
        if not _has_body(environ):
            return
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length[:20]) > self._max_bytes:
            raise self._too_large()
        if not self._places.acquire(blocking=False):
            raise UnavailableError("too many requests are still being received; try again soon")
        reading = self._readers.submit(self._read, environ["wsgi.input"])
        # A reader that is left behind ends, and frees its place, when granian closes the
        # connection after the refusal.
        reading.add_done_callback(self._free_place)
        try:
            body = reading.result(self._timeout_s)
        except TimeoutError:
            raise RequestTimedOutError(
                f"the request did not arrive within {self._timeout_s:g} s"
            ) from None
        if body is None:
            raise self._too_large()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))

    def _read(self, stream: Any) -> bytes | None:
        """The body, or None if it is larger than the limit."""
        body = bytearray()
        while piece := stream.read(_PIECE):
            body += piece
            if len(body) > self._max_bytes:
                return None
        return bytes(body)

    def _free_place(self, reading: Future[bytes | None]) -> None:
        self._places.release()

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"the request body is larger than {self._max_bytes} bytes, the setting max_body_bytes"
        )


def _has_body(environ: WSGIEnvironment) -> bool:
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    return (environ.get("CONTENT_LENGTH") or "0") != "0"

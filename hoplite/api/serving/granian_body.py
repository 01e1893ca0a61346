"""Request bodies under granian, which lets the application wait for them without end.

waitress hands a request to a thread when it has arrived whole.  granian hands it over at once, and
offers no way to stop waiting: a client that sends slowly holds a thread for as long as it likes.
So only some of the threads may wait, and the others are left to requests without a body.
"""

from __future__ import annotations

import errno
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from hoplite.api.serving.uploads import AROUND_UPLOAD_BYTES, is_upload
from hoplite.exceptions import StorageFullError, TooLargeError, UnavailableError

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_PIECE = 64 * 1024
_IN_MEMORY = 1024 * 1024


class Bodies:
    """Receives bodies of up to ``max_bytes``, uploads of up to ``max_upload_bytes``, of up to
    ``waiting`` requests at a time."""

    def __init__(self, *, waiting: int, max_bytes: int, max_upload_bytes: int) -> None:
        self._places = threading.BoundedSemaphore(waiting)
        self._max_bytes = max_bytes
        self._max_upload_bytes = max_upload_bytes

    def receive(self, environ: WSGIEnvironment) -> None:
        """Put the whole body into ``environ``; a large one waits in a temporary file.

        Raises TooLargeError, StorageFullError, or UnavailableError where all places are taken.
        """
        if not _has_body(environ):
            return
        largest = self._largest(environ)
        if _announced(environ) > largest:
            raise self._too_large(environ)
        if not self._places.acquire(blocking=False):
            raise UnavailableError("too many requests are still being received; try again soon")
        try:
            body, length = self._read(environ, largest)
        finally:
            self._places.release()
        environ["wsgi.input"] = body
        environ["CONTENT_LENGTH"] = str(length)

    def is_large_upload(self, environ: WSGIEnvironment) -> bool:
        """Whether it may be larger than other bodies."""
        return _is_upload(environ) and (
            "HTTP_TRANSFER_ENCODING" in environ or _announced(environ) > self._max_bytes
        )

    def _read(self, environ: WSGIEnvironment, largest: int) -> tuple[Any, int]:
        body = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the application reads it
        length = 0
        try:
            while piece := environ["wsgi.input"].read(_PIECE):
                length += len(piece)
                if length > largest:
                    raise self._too_large(environ)
                body.write(piece)
            body.seek(0)
        except OSError as error:
            body.close()
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StorageFullError(
                "no space is left where bodies wait until they are whole"
            ) from error
        except BaseException:
            body.close()
            raise
        return body, length

    def _largest(self, environ: WSGIEnvironment) -> int:
        if _is_upload(environ):
            return self._max_upload_bytes + AROUND_UPLOAD_BYTES
        return self._max_bytes

    def _too_large(self, environ: WSGIEnvironment) -> TooLargeError:
        if _is_upload(environ):
            return TooLargeError(
                f"the file is larger than {self._max_upload_bytes} bytes, the setting "
                "max_upload_bytes"
            )
        return TooLargeError(
            f"the request body is larger than {self._max_bytes} bytes, the setting max_body_bytes"
        )


def _is_upload(environ: WSGIEnvironment) -> bool:
    return is_upload(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))


def _announced(environ: WSGIEnvironment) -> int:
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length[:20]) if length.isdecimal() else 0


def _has_body(environ: WSGIEnvironment) -> bool:
    return "HTTP_TRANSFER_ENCODING" in environ or _announced(environ) > 0

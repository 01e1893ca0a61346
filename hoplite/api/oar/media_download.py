"""The answer that is a file: all of it, a part, or that nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from hoplite.api.oar.errors import oar_error
from hoplite.exceptions import RangeNotSatisfiableError
from hoplite.files.files import OpenFile

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment",
    # Whose it is may change, and so may the file.
    "Cache-Control": "private, no-cache",
}


def download(request: Request, file: OpenFile, *, is_tail: bool) -> Response:
    """The answer that sends ``file``; who sends it closes the file afterwards."""
    facts = file.facts
    if is_tail:
        return _sent(Response(), file, facts.start, facts.size - facts.start)
    response = Response()
    response.content_length = facts.size
    response.last_modified = datetime.fromtimestamp(facts.mtime_ns // 10**9, UTC)
    response.set_etag(f"{facts.inode:x}-{facts.size:x}-{facts.mtime_ns:x}")
    environ = dict(request.environ)
    if "," in environ.get("HTTP_RANGE", ""):
        # Several parts at once may be answered by the whole.
        del environ["HTTP_RANGE"]
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=facts.size)
    except RequestedRangeNotSatisfiable:
        return _outside(request, facts.size)
    if response.status_code == 206:
        start = response.content_range.start or 0
        return _sent(response, file, start, response.content_length or 0)
    if response.status_code == 200:
        return _sent(response, file, 0, facts.size)
    response.headers.update(_HEADERS)
    return response


def _sent(response: Response, file: OpenFile, start: int, length: int) -> Response:
    response.mimetype = "application/octet-stream"
    response.headers.update(_HEADERS)
    response.response = _parts(file, start, length)
    response.content_length = length
    return response


def _parts(file: OpenFile, start: int, length: int) -> Iterator[bytes]:
    yield from file.part(start, length)


def _outside(request: Request, size: int) -> Response:
    error = RangeNotSatisfiableError(f"Range: the file has {size} bytes, and none of these")
    response = oar_error(request, error)
    response.headers["Content-Range"] = f"bytes */{size}"
    return response

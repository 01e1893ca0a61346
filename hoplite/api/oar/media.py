"""``GET /media…``: directories listed, and files downloaded."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta

from hoplite.api.endpoint import LARGEST
from hoplite.api.oar.collection import Collection, limit_of, paged, whole
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, PageQuery, Right
from hoplite.api.oar.file_pages import directory_page, file_page
from hoplite.api.oar.formats import Format
from hoplite.api.oar.media_access import asked_file, turn
from hoplite.api.oar.media_download import download
from hoplite.api.oar.media_errors import LISTING, READING, shown
from hoplite.exceptions import (
    NotAuthorizedError,
    NotFoundError,
    RangeNotSatisfiableError,
    TooManyStreamsError,
)
from hoplite.files.wire import Entry

routes = OarRoutes("OAR files")

ANYWHERE = [NotAuthorizedError, NotFoundError, TooManyStreamsError]
PATH = {"path": "Absolute, without its first slash; `~/` begins one in the caller's home."}
_AT_MOST = 10_000
"""Entries of a directory in one answer."""


class FileItem(msgspec.Struct, frozen=True):
    """An entry of a directory.  `uri` leads to it, also where its name is no text."""

    name: str
    type: Annotated[
        str,
        Meta(
            description="`f` for a file, `d` for a directory, also behind a link; `l` for a link that "
            "leads nowhere or out; `p`, `s`, `c`, `b` as in find(1)."
        ),
    ]
    size: Annotated[str | None, Meta(description="Bytes, as text; null for a directory.")]
    mtime: int
    mode: Annotated[int, Meta(description="As in stat(2), with the type of the file.")]
    uri: str


class TailQuery(Options, frozen=True):
    """How much of the file."""

    tail: (
        Annotated[
            int, Meta(ge=0, le=LARGEST, description="Only the last lines, this many, of a text.")
        ]
        | None
    ) = None
    show: (
        Annotated[
            int, Meta(ge=1, le=100_000, description="For browsers: a page with the last lines.")
        ]
        | None
    ) = None


@routes.get(
    "/media/ls/<file:path>",
    right=Right.USER,
    query=PageQuery,
    by_extension=False,
    parameters=PATH,
    answers={200: Collection[FileItem]},
    raises=ANYWHERE,
)
def list_directory(call: OarCall[PageQuery, None]) -> Answer | Response:
    """List a directory, by name.

    All of it, unless a page is asked for or it has more than 10,000 entries.
    """
    asked = asked_file(call, "/media/ls")
    limit = _AT_MOST if call.query.limit is None and not call.query.offset else limit_of(call)
    limit = min(limit or _AT_MOST, _AT_MOST)
    with turn(call, asked, LISTING):
        found = call.service.files.list(asked.account, asked.place, call.query.offset, limit)
    items = [_item(call, asked.path, each) for each in found.entries]
    if call.wanted.format is Format.HTML:
        return directory_page(call, asked, items, found.total, limit)
    if call.query.limit is None and not call.query.offset and found.total <= limit:
        return whole(call, items)
    return paged(_with_limit(call, limit), items, found.total, hash_by_id=False)


def _with_limit(call: OarCall[PageQuery, None], limit: int) -> OarCall[PageQuery, None]:
    return replace(call, query=msgspec.structs.replace(call.query, limit=limit))


def _item(call: OarCall[Any, Any], above: bytes, entry: Entry) -> Hash:
    is_directory = entry.kind == "d"
    path = above.rstrip(b"/") + b"/" + entry.name
    return {
        "name": shown(entry.name),
        "type": entry.kind,
        "size": None if is_directory else str(entry.size),
        "mtime": entry.mtime,
        "mode": entry.mode,
        "uri": call.base.href((b"/media/ls" if is_directory else b"/media") + path),
    }


@routes.get(
    "/media/<file:path>",
    right=Right.USER,
    query=TailQuery,
    by_extension=False,
    parameters=PATH,
    answers={200: "application/octet-stream, text/html", 206: "application/octet-stream"},
    answer_headers={"ETag": "Changes whenever the file does."},
    raises=[*ANYWHERE, RangeNotSatisfiableError],
)
def get_file(call: OarCall[TailQuery, None]) -> Response:
    """Download a file.

    Parts of it with `Range`; conditional requests by `ETag` and `Last-Modified`.  With `show` a page for
    browsers, where the answer is to be HTML.
    """
    asked = asked_file(call, "/media")
    with ExitStack() as until_sent:
        until_sent.enter_context(turn(call, asked, READING))
        lines = call.query.show if call.wanted.format is Format.HTML else None
        tail = call.query.tail if lines is None else lines
        file = call.service.files.read(asked.account, asked.place, tail)
        until_sent.callback(file.close)
        if lines is not None:
            return file_page(call, asked, file)
        response = download(call.request, file, is_tail=call.query.tail is not None)
        response.call_on_close(until_sent.pop_all().close)
    return response

"""What browsers are shown of files: directories, and the ends of texts."""

from __future__ import annotations

from typing import Any

from flask import Response

from hoplite.api.oar.endpoint import Hash, OarCall
from hoplite.api.oar.media_access import Asked
from hoplite.api.oar.media_errors import shown
from hoplite.api.oar.pages import Next, page
from hoplite.files.files import OpenFile
from hoplite.files.paths import Place

_MOST_SHOWN = 256 * 1024
LAST_LINES = 200
"""So many lines of a file are shown at first."""


def directory_page(
    call: OarCall[Any, Any], asked: Asked, items: list[Hash], total: int, limit: int
) -> Response:
    """A directory, with forms to put files into it and to remove it."""
    here, offset = call.base.href(b"/media/ls" + asked.path), call.query.offset
    more = f"{here}?limit={limit}&offset="
    return page(
        "oar/files.html",
        heading=shown(asked.path),
        trail=_trail(call, asked.place),
        above=_directory(call, asked.path.rpartition(b"/")[0]) if asked.place.below else None,
        entries=items,
        total=total,
        offset=offset,
        last_lines=LAST_LINES,
        previous=f"{more}{max(0, offset - limit)}" if offset else None,
        following=f"{more}{offset + limit}" if offset + limit < total else None,
        upload=f"{here}?then=page" if call.caller.may_submit() else None,
        remove=_remove(call, asked) if asked.place.below else None,
    )


def file_page(call: OarCall[Any, Any], asked: Asked, file: OpenFile) -> Response:
    """The last lines of a file, with forms to change its mode and to remove it."""
    facts = file.facts
    start = max(facts.start, facts.size - _MOST_SHOWN)
    data = b"".join(file.part(start, facts.size - start))
    href = call.base.href(b"/media" + asked.path)
    return page(
        "oar/file.html",
        heading=shown(asked.path),
        trail=_trail(call, asked.place),
        text=None if b"\0" in data else data.decode("utf-8", "replace"),
        size=str(facts.size),
        mtime=facts.mtime_ns // 10**9,
        lines=call.query.show,
        is_whole=start == 0,
        href=href,
        chmod=call.base.href(b"/media/chmod" + asked.path) + "?then=page",
        remove=_remove(call, asked),
    )


def next_of_upload(call: OarCall[Any, Any]) -> Next:
    """The directory with the new file in it."""
    from_form = call.request.files.get("file")
    name = (from_form.filename if from_form is not None else None) or "The file"
    if "/media/ls" in call.request.path:
        return Next(call.base.again(call.request), f"{name} is uploaded")
    return Next(_above(call), f"{name} is uploaded")


def next_of_change(call: OarCall[Any, Any]) -> Next:
    href = call.base.again(call.request).replace("/media/chmod/", "/media/", 1)
    return Next(f"{href}?show={LAST_LINES}", "Its mode is changed")


def next_of_removal(call: OarCall[Any, Any]) -> Next:
    return Next(_above(call), f"{shown(call.path['path'].encode())} is removed")


def _above(call: OarCall[Any, Any]) -> str:
    href = call.base.again(call.request).replace("/media/", "/media/ls/", 1)
    return href.rstrip("/").rpartition("/")[0] + "/"


def _remove(call: OarCall[Any, Any], asked: Asked) -> str | None:
    href = call.base.href(b"/media" + asked.path)
    return f"{href}?method=delete&then=page" if call.caller.may_submit() else None


def _directory(call: OarCall[Any, Any], path: bytes) -> str:
    return call.base.href(b"/media/ls" + (path or b"/"))


def _trail(call: OarCall[Any, Any], place: Place) -> list[tuple[str, str]]:
    """The directories above, down from the root that may not be left."""
    parts = place.below.split(b"/")[:-1] if place.below else []
    paths = [place.root] if place.below else []
    for part in parts:
        paths.append(paths[-1].rstrip(b"/") + b"/" + part)
    return [(shown(each.rpartition(b"/")[2] or b"/"), _directory(call, each)) for each in paths]

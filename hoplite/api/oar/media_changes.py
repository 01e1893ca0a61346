"""``POST /media…`` and ``DELETE /media…``: files uploaded, their modes changed, files removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import msgspec
from flask import Response
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.file_pages import next_of_change, next_of_removal, next_of_upload
from hoplite.api.oar.links import Link
from hoplite.api.oar.media import ANYWHERE, PATH
from hoplite.api.oar.media_access import Asked, asked_file, asked_in, turn
from hoplite.api.oar.media_errors import CHANGING, REMOVING, WRITING, shown
from hoplite.api.oar.titled import Titled
from hoplite.api.serving.uploads import AROUND_UPLOAD_BYTES
from hoplite.exceptions import (
    InvalidFieldError,
    InvalidRequestError,
    NotAcceptableError,
    NotAuthorizedError,
    StorageFullError,
    TooLargeError,
)
from hoplite.files.modes import BadModeError, check
from hoplite.files.wire import PIECE

routes = OarRoutes("OAR files")

_FORM = "multipart/form-data"
_FILE = {"type": "string", "format": "binary"}
_IN_FORM = {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
_FILES = {
    "application/octet-stream": _FILE,
    _FORM: _IN_FORM,
}


class Uploaded(msgspec.Struct, frozen=True):
    """A file was made."""

    status: str
    success: str
    links: list[Link]


class ModeBody(msgspec.Struct, frozen=True):
    """What chmod(1) takes: `755`, `u+x,go-w`.  A number is read as it is written, in octal digits."""

    mode: str | int


@routes.post(
    "/media/<file:path>",
    right=Right.USER,
    by_extension=False,
    parameters=PATH,
    body_files=_FILES,
    answers={201: Uploaded},
    answer_headers={"Location": "Where the file is."},
    raises=[*ANYWHERE, TooLargeError, StorageFullError],
)
def upload_file(call: OarCall[Options, None]) -> Answer:
    """Make a file of the body, and the directories above it.

    The body is the file itself (`application/octet-stream`) or a form with the field `file`
    (`multipart/form-data`). There is all of it afterwards, or nothing. What exists stays: 403.
    """
    return _upload(call, asked_file(call, "/media", writes=True), force=False)


@routes.post(
    "/media/ls/<file:path>",
    right=Right.USER,
    by_extension=False,
    parameters=PATH,
    body_files={_FORM: _IN_FORM},
    answers={201: Uploaded},
    answer_headers={"Location": "Where the file is."},
    raises=[*ANYWHERE, TooLargeError, StorageFullError],
    then=next_of_upload,
)
def upload_into_directory(call: OarCall[Options, None]) -> Answer:
    """Put the file of a form into a directory, under its own name.  Beyond OAR.

    With a field `force` in place of a file of that name.
    """
    directory = asked_file(call, "/media/ls", writes=True)
    if call.request.mimetype != _FORM:
        raise _bad_type(call, "right is multipart/form-data with the field file")
    _body(call)
    name = os.fsencode(call.request.files["file"].filename or "")
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise InvalidFieldError(
            f"file: {shown(name)!r} is no name for a file in a directory", field="file"
        )
    return _upload(
        call, asked_in(call, directory, name), force=bool(call.request.form.get("force"))
    )


@routes.post(
    "/media/force/<file:path>",
    right=Right.USER,
    by_extension=False,
    parameters=PATH,
    body_files=_FILES,
    answers={201: Uploaded},
    answer_headers={"Location": "Where the file is."},
    raises=[*ANYWHERE, TooLargeError, StorageFullError],
)
def replace_file(call: OarCall[Options, None]) -> Answer:
    """The same, in place of a file that exists."""
    return _upload(call, asked_file(call, "/media/force", writes=True), force=True)


@routes.post(
    "/media/chmod/<file:path>",
    right=Right.USER,
    by_extension=False,
    body=ModeBody,
    about="Chmod query",
    then=next_of_change,
    parameters=PATH,
    answers={202: None},
    answer_headers={"Location": "Where the file is."},
    raises=ANYWHERE,
)
def change_mode(call: OarCall[Options, ModeBody]) -> Response:
    """Change the permissions of a file, as chmod(1) does."""
    asked = asked_file(call, "/media/chmod", writes=True)
    mode = str(call.body.mode)
    try:
        check(mode)
    except BadModeError:
        raise InvalidFieldError(
            f"mode: Bad mode value: {mode}; right is what chmod takes, like 755 or u+x,go-w",
            field="mode",
        ) from None
    with turn(call, asked, CHANGING):
        call.service.files.change_mode(asked.account, asked.place, mode)
    response = Response(status=202, mimetype="application/octet-stream")
    response.headers["Location"] = call.base.href(b"/media" + asked.path)
    return response


@routes.delete(
    "/media/<file:path>",
    right=Right.USER,
    by_extension=False,
    parameters=PATH,
    answers={204: None},
    raises=ANYWHERE,
    then=next_of_removal,
)
def remove_file(call: OarCall[Options, None]) -> Response:
    """Remove a file, or a directory with all that is in it."""
    asked = asked_file(call, "/media", writes=True)
    if not asked.place.below or asked.path == call.service.files.home(asked.account).rstrip(b"/"):
        raise NotAuthorizedError(
            f"{REMOVING.forbidden}: {shown(asked.path)} itself is not removed; name what is in it"
        )
    with turn(call, asked, REMOVING):
        call.service.files.remove(asked.account, asked.place)
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def _upload(call: OarCall[Options, None], asked: Asked, *, force: bool) -> Answer:
    if not asked.place.below:
        raise NotAuthorizedError(f"{WRITING.forbidden}: {shown(asked.path)}: it is a directory")
    body = _body(call)
    with turn(call, asked, WRITING):
        call.service.files.write(asked.account, asked.place, _pieces(call, body), force=force)
    href = call.base.href(b"/media" + asked.path)
    return Answer(Uploaded("created", "true", [Link("self", href)]), 201, {"Location": href})


def _body(call: OarCall[Any, Any]) -> BinaryIO:
    """What is to be in the file."""
    request, largest = call.request, call.service.settings.max_upload_bytes
    media = request.mimetype
    if media not in ("application/octet-stream", _FORM):
        raise _bad_type(call, f"right is application/octet-stream, or {_FORM} with the field file")
    request.max_content_length = largest + AROUND_UPLOAD_BYTES
    try:
        if media != _FORM:
            return cast(BinaryIO, request.stream)
        if "file" in request.files:
            return cast(BinaryIO, request.files["file"].stream)
    except RequestEntityTooLarge:
        raise _too_large(largest) from None
    raise Titled(
        "Missing Required Field",
        InvalidFieldError(
            "file: the form needs a part of this name, with a filename", field="file"
        ),
    )


def _bad_type(call: OarCall[Any, Any], right: str) -> Titled:
    media = call.request.mimetype or "a body without Content-Type"
    return Titled(
        "Bad content type", NotAcceptableError(f"{media} not allowed for file upload; {right}")
    )


def _pieces(call: OarCall[Any, Any], body: BinaryIO) -> Iterator[bytes]:
    largest = call.service.settings.max_upload_bytes
    size = 0
    while True:
        try:
            piece = body.read(PIECE)
        except ClientDisconnected:
            raise InvalidRequestError("the body is shorter than was announced") from None
        except RequestEntityTooLarge:
            raise _too_large(largest) from None
        if not piece:
            return
        size += len(piece)
        if size > largest:
            raise _too_large(largest)
        yield piece


def _too_large(largest: int) -> TooLargeError:
    return TooLargeError(f"the file is larger than {largest} bytes, the setting max_upload_bytes")

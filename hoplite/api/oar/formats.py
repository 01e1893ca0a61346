"""Which format an answer has, and values in it: JSON, YAML, and pages for people."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import yaml

from hoplite.api.oar.titled import Titled
from hoplite.exceptions import NotAcceptableError

if TYPE_CHECKING:
    from flask import Request


class Format(StrEnum):
    """By the extension of a path that asks for it."""

    JSON = "json"
    YAML = "yaml"
    HTML = "html"


class Wanted(NamedTuple):
    """The format of an answer, and the media type that it is called by."""

    format: Format
    media: str

    @property
    def content_type(self) -> str:
        """JSON is UTF-8 by itself; the others have to say it."""
        return self.media if self.format is Format.JSON else f"{self.media}; charset=utf-8"


JSON = Wanted(Format.JSON, "application/json")
YAML = Wanted(Format.YAML, "text/yaml")
HTML = Wanted(Format.HTML, "text/html")

_BY_EXTENSION = {"json": JSON, "yaml": YAML, "html": HTML}
_BY_MEDIA = {
    "application/json": JSON,
    "text/yaml": YAML,
    "application/yaml": Wanted(Format.YAML, "application/yaml"),
    "text/x-yaml": Wanted(Format.YAML, "text/x-yaml"),
    "text/html": HTML,
    # What is sent or asked for with files: their errors and receipts have these formats.
    "application/octet-stream": YAML,
    "multipart/form-data": HTML,
}
_VALID = "Valid types are text/yaml, application/json or text/html"
_Q = re.compile(r"q=(0(?:\.\d*)?|1(?:\.0*)?)", re.IGNORECASE)
EXTENSION = re.compile(r"\.(json|yaml|html)\Z")


def wanted(request: Request, *, by_extension: bool = True) -> Wanted:
    """The format to answer in: by the path's extension, else by ``Accept``, else by the request's
    own ``Content-Type``.  Raises OAR's refusal where none of them tells."""
    path = request.path if by_extension else ""
    return wanted_by(path, request.headers.get("Accept", ""), request.mimetype)


def wanted_by(path: str, accept: str, media: str) -> Wanted:
    extension = EXTENSION.search(path)
    if extension is not None:
        return _BY_EXTENSION[extension[1]]
    found = _accepted(accept) or _BY_MEDIA.get(media)
    if found is None:
        raise Titled(_title(accept, media), NotAcceptableError(_VALID))
    return found


def _title(accept: str, media: str) -> str:
    """What OAR says then, word by word."""
    if not media:
        return f"Invalid content type {'required ' if accept else ''}{accept}"
    return f"Invalid content type {'' if accept else media}"


def _accepted(header: str) -> Wanted | None:
    """The best of our formats by the header; among equals the one that it names more exactly, then
    earlier, then the one that is first in our own table."""
    ranges = [_range(part) for part in header.split(",") if part.strip()]
    best: tuple[float, int, int] = (0.0, 0, 0)
    found: Wanted | None = None
    for media, each in _BY_MEDIA.items():
        matching = [
            (_exactness(given, media), quality, -position)
            for position, (given, quality) in enumerate(ranges)
            if _exactness(given, media)
        ]
        # The most exact range is the one that counts for a type: */*, text/html;q=0 excludes HTML.
        exactness, quality, position = max(matching, default=(0, 0.0, 0))
        if quality and (quality, exactness, position) > best:
            best, found = (quality, exactness, position), each
    return found


def _range(part: str) -> tuple[str, float]:
    """One media range and its quality; other parameters, like a charset, say nothing here."""
    media, *parameters = (each.strip().lower() for each in part.split(";"))
    qualities = [given[1] for each in parameters if (given := _Q.fullmatch(each))]
    return media, float(qualities[0]) if qualities else 1.0


def _exactness(given: str, media: str) -> int:
    if given == media:
        return 3
    if given == media.partition("/")[0] + "/*":
        return 2
    return 1 if given == "*/*" else 0


class _Dumper(yaml.CSafeDumper):
    """Writes a value that occurs twice twice: anchors are no part of the API."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def to_yaml(value: Any) -> bytes:
    """With the ``---`` of a document; what YAML 1.1 would misread is quoted."""
    text: bytes = yaml.dump(
        msgspec.to_builtins(value),
        Dumper=_Dumper,
        explicit_start=True,
        default_flow_style=False,
        allow_unicode=True,
        encoding="utf-8",
    )
    return text

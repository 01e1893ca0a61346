"""From a request's text to values, or an error that names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from flask import Request

from hoplite.exceptions import InvalidFieldError, InvalidJsonError, UnsupportedMediaTypeError

T = TypeVar("T", bound=msgspec.Struct)

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<where>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"field `(?P<name>[^`]+)`")
MAX_DEPTH = 200
"""Levels of a config or status: far below what any reader's stack takes, here and in jobs."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_NULLABLE = re.compile(r" \| null`")
_FLAG_WORDS = 'true or false (or "True" or "False")'
_HINTS = {
    "run": _FLAG_WORDS,
    "running": _FLAG_WORDS,
    "follow": "1 or 0",
    "details": "1 or 0",
    "stream": "all, stdout or stderr",
    "for": "end or change",
    "cursor": "what the next link of a page has",
    "timeout": "a number of seconds",
    "wait": "a number of seconds",
}
"""What would be right, for fields whose types say it in other words than people do."""
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode_query(request: Request, kind: type[T]) -> T:
    """The query parameters as a ``kind``; raises
    :class:`~hoplite.exceptions.InvalidFieldError`."""
    given = request.args.to_dict() if request.query_string else {}
    for name in given:
        if len(request.args.getlist(name)) > 1:
            raise InvalidFieldError(f"query parameter {name}: given more than once", field=name)
    return query_values(given, kind)


def query_values(given: Mapping[str, str], kind: type[T], *, empty_is_none: bool = False) -> T:
    """Parameters as a ``kind``; ``empty_is_none``: empty ones that take no text are passed over.

    Raises :class:`~hoplite.exceptions.InvalidFieldError`.
    """
    if empty_is_none:
        given = {name: text for name, text in given.items() if text or _takes_text(kind, name)}
    for name, text in given.items():
        if text == "null" and not _takes_text(kind, name):
            raise InvalidFieldError(
                f"query parameter {name}: null is no value; leave the parameter out", field=name
            )
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error, "query parameter ") from None


@lru_cache(maxsize=256)
def _takes_text(kind: type[msgspec.Struct], name: str) -> bool:
    """Whether "null" is a text like any other there, and not msgspec's None."""
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"].get(name, {})
    return {"type": "string"}.items() <= schema.items() or any(
        choice.get("type") == "string" for choice in schema.get("anyOf", [])
    )


def decode_body(request: Request, kind: type[T]) -> T:
    """The JSON body as a ``kind``.

    A missing or another Content-Type is accepted if the body is JSON (deployed clients send
    ``text/plain`` or none, and ``curl -d`` calls it a form).
    """
    data = request.get_data()
    if request.mimetype in _FORMS and not data.lstrip().startswith((b"{", b"[")):
        raise UnsupportedMediaTypeError(
            f"{request.mimetype} is not read here: send a JSON object with "
            "Content-Type: application/json"
        )
    if not data.strip():
        data = b"{}" if not _has_required(kind) else data
    return decode_json(data, kind)


@lru_cache(maxsize=256)
def _has_required(kind: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(kind))


def decode_json(data: bytes, kind: type[T]) -> T:
    """Raises :class:`~hoplite.exceptions.InvalidJsonError` or
    :class:`~hoplite.exceptions.InvalidFieldError`."""
    try:
        decoded: T = _decoder(kind).decode(data)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not data:
            raise InvalidJsonError("the body is empty; a JSON object is needed") from None
        raise InvalidJsonError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise InvalidJsonError("the body is nested too deeply") from None
    return decoded


def invalid(error: msgspec.ValidationError, kind: str = "") -> InvalidFieldError | InvalidJsonError:
    """Our words for what msgspec found."""
    found = _AT.match(str(error))
    what, where = (found["what"], found["where"]) if found else (str(error), None)
    name = where.removeprefix("$").removeprefix(".") if where else ""
    named = _FIELD.search(what)
    if named is not None:
        name = f"{name}.{named['name']}" if name else named["name"]
    if not name and kind:
        return InvalidFieldError(f"{kind}'': {_first_lower(what)}", field="")
    what = _NULLABLE.sub("`", what)
    hint = _HINTS.get(name)
    if hint is not None:
        what = f"{what}; right is {hint}"
    if not name:
        return InvalidJsonError(f"the body is not as it should be: {_first_lower(what)}")
    return InvalidFieldError(f"{kind}{name}: {_first_lower(what)}", field=name)


def _first_lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def checked_object(raw: msgspec.Raw, name: str) -> msgspec.Raw:
    """``raw`` if it is a JSON object in sound JSON all the way down, freed of the body around it."""
    text = bytes(raw).strip()
    if not text.startswith(b"{"):
        raise InvalidFieldError(f"{name}: expected `object`, got `{_kind(text)}`", field=name)
    if _depth(text) > MAX_DEPTH:
        raise InvalidFieldError(
            f"{name} is nested too deeply; at most {MAX_DEPTH} levels are taken", field=name
        )
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJsonError(f"{name} is not JSON: {error}", field=name) from None
    return msgspec.Raw(text)


def _depth(text: bytes) -> int:
    """How deep arrays and objects are nested, at the most where they are few."""
    at_most = text.count(b"{") + text.count(b"[")
    if at_most <= MAX_DEPTH:
        return at_most
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", text)):
        depth += 1 if bracket in b"{[" else -1
        deepest = max(deepest, depth)
    return deepest


def _kind(text: bytes) -> str:
    first = text[:1]
    if first in b"-0123456789":
        return "number"
    return {b"[": "array", b'"': "string", b"n": "null"}.get(first, "boolean")

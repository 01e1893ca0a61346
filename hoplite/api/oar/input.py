"""What a request says: its query, and its body in JSON, YAML or a form."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from flask import Request, g

from hoplite.api.body import invalid, query_values
from hoplite.api.oar.links import query_pairs
from hoplite.api.oar.titled import Titled
from hoplite.api.oar.yaml_input import NotUnderstoodError, parse_yaml
from hoplite.exceptions import InvalidJsonError, NotAcceptableError

T = TypeVar("T", bound=msgspec.Struct)

_JSON = {"application/json"}
_YAML = {"text/yaml", "application/yaml", "text/x-yaml", "application/x-yaml"}
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_OPTIONS = ("structure", "debug")


def query_of(request: Request, kind: type[T]) -> T:
    """The query as a ``kind``.  Of a parameter that comes twice the last counts; an empty one that
    is not text is as if it were not there.  Raises
    :class:`~hoplite.exceptions.InvalidFieldError`."""
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    given = {name: text for name, text in query_pairs(request) if name in known}
    structure = given.get("structure") or "simple"
    if structure not in ("simple", "oar"):
        raise Titled(
            f"Unknown {structure} format",
            NotAcceptableError(f"Unknown {structure} format for data structure"),
        )
    return query_values(given, kind, empty_is_none=True)


def body_of(request: Request, kind: Any, about: str) -> Any:
    """The body as a ``kind``, a msgspec type."""
    value, is_text = _read(request, about)
    if value is None:
        value = {}
    if not isinstance(value, dict | list):
        raise Titled("Bad type", InvalidJsonError(f"{about.lower()} must be a hash, not one value"))
    try:
        return msgspec.convert(value, kind, strict=not is_text)
    except msgspec.ValidationError as error:
        raise _refused(error, about) from None
    except RecursionError:
        raise _not_understood("body", "it is nested too deeply") from None


def is_form(request: Request) -> bool:
    """Whether all values of its body are text."""
    return request.mimetype in _FORMS


def _refused(error: msgspec.ValidationError, about: str) -> Titled:
    refused = invalid(error)
    if not refused.field:
        return Titled("Bad type", InvalidJsonError(f"{about.lower()}: {error}"))
    missing = "missing required" in str(error)
    return Titled("Missing Required Field" if missing else "Invalid Field", refused)


def _read(request: Request, about: str) -> tuple[Any, bool]:
    """The value, and whether all in it is text."""
    media = request.mimetype
    if is_form(request):
        return _form(request), True
    data = request.get_data()
    if media in _JSON:
        return _json(data), False
    if media in _YAML:
        return _yaml(data), False
    if not data.strip():
        return {}, False
    raise Titled(
        f"{about} description must be in YAML or JSON",
        NotAcceptableError(
            f"The correct format for a {about.lower()} request is text/yaml or application/json."
        ),
    )


def _form(request: Request) -> dict[str, Any]:
    """A key that comes several times is a list.  ``structure`` and ``debug`` are of the request.
    Browsers end the lines of texts with two characters, which nothing else does."""
    form = {
        key: [value.replace("\r\n", "\n") for value in values]
        for key, values in request.form.lists()
        if key not in _OPTIONS
    }
    if request.form.get("debug") == "1":
        g.oar_debug = True
    return {key: values[0] if len(values) == 1 else values for key, values in form.items()}


def _json(data: bytes) -> Any:
    if not data.strip():
        return {}
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_understood("JSON data", str(error)) from None
    except RecursionError:
        raise _not_understood("JSON data", "it is nested too deeply") from None


def _yaml(data: bytes) -> Any:
    try:
        return parse_yaml(data)
    except NotUnderstoodError as error:
        raise _not_understood("YAML data", str(error)) from None


def _not_understood(what: str, why: str) -> Titled:
    return Titled(f"{what} not understood", InvalidJsonError(why))

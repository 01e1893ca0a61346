"""The values of options, from JSON, YAML and forms, where all is text.

Each function takes the option's name, for its errors, and what came; all raise
:class:`~hoplite.exceptions.InvalidFieldError`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hoplite.exceptions import InvalidFieldError

MAX_TEXT = 10_000
"""Characters of an option that is neither a command, a script nor a file of parameters."""
MAX_VALUES = 1000

_LARGEST = 2**53 - 1
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,16}\s*", re.ASCII)
_FALSE = frozenset({"0", "no", "false", "off"})


def text(name: str, value: Any) -> str:
    return _bounded(name, value, MAX_TEXT)


def long_text(name: str, value: Any) -> str:
    return _bounded(name, value, None)


def _bounded(name: str, value: Any, longest: int | None) -> str:
    value = _single(name, value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _wrong(name, "a text", value)
    if "\0" in value:
        raise InvalidFieldError(f"{name}: it holds a NUL character", field=name)
    if longest is not None and len(value) > longest:
        raise InvalidFieldError(
            f"{name}: {len(value)} characters; at most {longest} are taken", field=name
        )
    return value


def line(name: str, value: Any) -> str:
    found = text(name, value)
    if not found.isprintable():
        raise InvalidFieldError(f"{name}: only printable characters are taken", field=name)
    return found


def texts(name: str, value: Any) -> tuple[str, ...]:
    return tuple(text(name, each) for each in _several(name, value) if each not in ("", None))


def number(name: str, value: Any) -> int:
    value = _single(name, value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise _wrong(name, "a whole number", value)
    return value


def job_ids(name: str, value: Any) -> tuple[int, ...]:
    given = [each for each in _several(name, value) if each not in ("", None)]
    return tuple(dict.fromkeys(job_id(name, each) for each in given))


def job_id(name: str, value: Any) -> int:
    found = number(name, value)
    if found < 1:
        raise InvalidFieldError(f"{name}: the id of a job is a number from 1 on", field=name)
    return found


def toggle(name: str, value: Any) -> bool:
    """As with OAR, what is there is on, unless it says 0; an empty value is a bare flag."""
    value = _single(name, value)
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE
    if isinstance(value, bool | int):
        return bool(value)
    raise _wrong(name, "1 or 0", value)


def object_(name: str, value: Any) -> dict[str, Any]:
    value = _single(name, value)
    if isinstance(value, str):
        # In a form all values are text.
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise _wrong(name, "a hash, or the JSON of one", value) from None
    if not isinstance(value, dict):
        raise _wrong(name, "a hash", value)
    return value


def _single(name: str, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise InvalidFieldError(f"{name}: one value is taken, not {len(value)}", field=name)
    return value[0]


def _several(name: str, value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value]
    if len(found) > MAX_VALUES:
        raise InvalidFieldError(
            f"{name}: {len(found)} values; at most {MAX_VALUES} are taken", field=name
        )
    return found


def _wrong(name: str, wanted: str, value: Any) -> InvalidFieldError:
    shown = (
        repr(value)[:60] if isinstance(value, str | int | float | None) else type(value).__name__
    )
    return InvalidFieldError(f"{name}: expected {wanted}, got {shown}", field=name)

"""OAR's job types, read: ``besteffort``, ``container``, ``inner=12``, ``timesharing=user,*`` and
the others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

from hoplite.exceptions import InvalidFieldError

_FLAGS = frozenset({"besteffort", "idempotent", "desktop_computing"})
_PERHAPS_WITH_VALUE = frozenset({"container", "deploy", "cosystem", "noop"})
_WITH_VALUE = frozenset({"inner", "timesharing", "postpone", "deadline", "expire", "state"})
_UNSUPPORTED = {
    "placeholder": "no job can share what it holds with the jobs that are allowed to",
    "allowed": "there are no placeholder jobs to share resources with",
    "token": "nobody counts tokens here",
}
"""Types of OAR that would change nothing here, and why they are refused."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}( \d{1,2}:\d{2}(:\d{2})?)?")
_NO_DATE = 0.0


class BatchTypes(msgspec.Struct, frozen=True, kw_only=True):
    """What the types of a job mean to the scheduler."""

    besteffort: bool = False
    idempotent: bool = False
    """A job of which another run does no harm."""
    deploy: bool = False
    desktop_computing: bool = False
    container: bool = False
    inner: int | None = None
    """The container job to run in."""
    timesharing: tuple[str, str] | None = None
    """``user`` or ``*``, ``name`` or ``*``."""
    noop: bool = False
    """It holds its resources and runs nothing."""
    permissive: bool = False
    """It may ask for more than there is now, and waits for it."""
    postpone: float = _NO_DATE
    """Seconds since 1970 before which it does not start."""
    expire: float | None = None
    """When it is cancelled if it has not started."""
    deadline: float | None = None
    """When its walltime must be over; a job that cannot start early enough is cancelled."""


def read_types(types: Iterable[str]) -> BatchTypes:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError` for a type that does not exist."""
    found: dict[str, object] = {}
    for text in types:
        name, equals, value = text.partition("=")
        # Tokens have names of their own: token:x=1.
        name = "token" if re.fullmatch(r"token:\w+", name) else name
        is_flag = name in _FLAGS and not equals
        if is_flag or (name in _PERHAPS_WITH_VALUE and (value or not equals)):
            found[name] = True
        elif name == "state" and value == "permissive":
            found[value] = True
        elif name in _WITH_VALUE and value:
            found[name] = _value(name, value, text)
        elif (why := _UNSUPPORTED.get(name.partition(":")[0])) is not None:
            raise InvalidFieldError(
                f"type: {text!r} is not supported: {why}; submit the job without it", field="type"
            )
        else:
            raise _wrong(text, _hint(name))
    known = {name: found[name] for name in found if name in BatchTypes.__struct_fields__}
    return BatchTypes(**known)  # type: ignore[arg-type]  # each of the type its reader gives


def _value(name: str, value: str, text: str) -> object:
    if name == "inner":
        if not (value.isascii() and value.isdigit()):
            raise _wrong(text, "inner=<id of a container job> is right")
        return int(value)
    if name == "timesharing":
        return _sharing(value, text)
    if name in ("postpone", "deadline", "expire"):
        return _date(value, text)
    raise _wrong(text, "state=permissive is right")


def _sharing(value: str, text: str) -> tuple[str, str]:
    parts = set(value.split(","))
    if len(value.split(",")) == 2 and parts <= {"user", "name", "*"}:
        return ("user" if "user" in parts else "*", "name" if "name" in parts else "*")
    raise _wrong(text, "timesharing=(user|*),(name|*) is right")


def _date(value: str, text: str) -> float:
    try:
        if _DATE.fullmatch(value):
            return datetime.fromisoformat(_two_digits(value)).timestamp()
    except ValueError:
        pass
    raise _wrong(text, "a date is YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS")


def _two_digits(value: str) -> str:
    day, _, clock = value.partition(" ")
    return f"{day} {clock.rjust(8 if clock.count(':') > 1 else 5, '0')}" if clock else day


def _hint(name: str) -> str:
    if name in _WITH_VALUE:
        return f"{name} needs a value: {name}=..."
    known = sorted(_FLAGS | _PERHAPS_WITH_VALUE | {f"{name}=..." for name in _WITH_VALUE})
    return f"known are {', '.join(known)}"


def _wrong(text: str, right: str) -> InvalidFieldError:
    return InvalidFieldError(f"type: {text!r} is not a type of jobs: {right}", field="type")

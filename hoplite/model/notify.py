"""Whom a job's owner wants to be told of it: OAR's option ``notify``."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from hoplite.exceptions import InvalidFieldError


class Tag(StrEnum):
    """What is told."""

    RUNNING = "RUNNING"
    END = "END"
    ERROR = "ERROR"
    INFO = "INFO"
    SUSPENDED = "SUSPENDED"
    RESUMING = "RESUMING"


class Notify(msgspec.Struct, frozen=True):
    """``mail`` is an address, ``exec`` a program and its arguments; one is given."""

    tags: frozenset[Tag] = frozenset(Tag)
    mail: str | None = None
    exec: tuple[str, ...] = ()


_FORM = re.compile(r"\s*(?:\[(?P<tags>[^\]]*)\])?\s*(?P<way>mail|exec):(?P<target>.*)", re.DOTALL)
_ADDRESS = re.compile(r"[A-Za-z0-9_+.][A-Za-z0-9_+.-]*@[A-Za-z0-9.-]+|[A-Za-z0-9_][A-Za-z0-9_.-]*")
_COMMAND = re.compile(r"[a-zA-Z0-9_./][a-zA-Z0-9_./ -]*")


def read_notify(text: str) -> Notify:
    """``[TAG,TAG]mail:address`` or ``[TAG,TAG]exec:program arguments``; all tags if none is named.
    Raises :class:`~hoplite.exceptions.InvalidFieldError`."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise _wrong(
            text, "mail:<address> or exec:<program> <arguments>, with [TAG,...] before, is right"
        )
    tags, target = _tags(found["tags"], text), found["target"].strip()
    if found["way"] == "mail":
        if _ADDRESS.fullmatch(target) is None:
            raise _wrong(text, f"{target!r} is no address of a mail")
        return Notify(tags, mail=target)
    if _COMMAND.fullmatch(target) is None:
        raise _wrong(
            text,
            "a program and its arguments are letters, digits, _ . / - and spaces",
        )
    return Notify(tags, exec=tuple(target.split()))


def _tags(text: str | None, whole: str) -> frozenset[Tag]:
    if text is None:
        return frozenset(Tag)
    try:
        return frozenset(Tag(word.strip()) for word in text.split(","))
    except ValueError:
        raise _wrong(whole, f"the tags are {', '.join(Tag)}") from None


def _wrong(text: str, right: str) -> InvalidFieldError:
    return InvalidFieldError(f"notify: {text[:200]!r} cannot be done: {right}", field="notify")

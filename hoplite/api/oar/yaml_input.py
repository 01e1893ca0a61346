"""YAML from strangers: plain values only, of bounded size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from hoplite.exceptions import TooLargeError

_MAX_NODES = 100_000
_MAX_DEPTH = 64
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq")}


class NotUnderstoodError(Exception):
    """It is not YAML, or more of YAML than is read here; the message says what and where."""


class _Loader(yaml.CSafeLoader):
    """Reads plain scalars as JSON would, all else as text.

    OAR reads every scalar as text, so what YAML 1.1 takes for booleans (``no``), dates
    (``reservation: 2030-01-01 12:00:00``) and sexagesimal numbers (``walltime: 1:30:00``) must stay
    as it is written.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's way


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}$"),
    list("-0123456789"),
)


def parse_yaml(data: bytes) -> Any:
    """The value of one YAML document; None for an empty one.

    Raises :class:`NotUnderstoodError`, and :class:`~hoplite.exceptions.TooLargeError` for more
    nodes than any request has.
    """
    try:
        _look_over(data)
        return yaml.load(data, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise NotUnderstoodError(str(error)) from None


def _look_over(data: bytes) -> None:
    """Before anything is built: no aliases, which can stand for more than memory holds, no tags, and
    no nesting that would exhaust the stack."""
    depth = nodes = 0
    for event in _events(data):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        if nodes > _MAX_NODES:
            raise TooLargeError(f"more than {_MAX_NODES} values in one YAML document")
        if depth > _MAX_DEPTH:
            raise NotUnderstoodError(f"{_at(event)}: nested more than {_MAX_DEPTH} deep")
        if event.anchor is not None:
            raise NotUnderstoodError(f"{_at(event)}: anchors and aliases (& and *) are not read")
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _PLAIN_TAGS:
            raise NotUnderstoodError(f"{_at(event)}: the tag {tag!r} is not read")


def _events(data: bytes) -> Iterator[yaml.Event]:
    found: Iterator[yaml.Event] = yaml.parse(data, Loader=_Loader)
    return found


def _at(event: yaml.Event) -> str:
    mark = event.start_mark
    return "somewhere" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"

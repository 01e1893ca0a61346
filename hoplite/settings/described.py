"""The settings described: for options, help, messages and the documentation."""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from hoplite.settings.fields import Settings
from hoplite.settings.units import duration_text, size_text

ENV_PREFIX = "HOPLITE_"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting.  ``annotation`` is what its values are converted to and checked against."""

    name: str
    kind: Literal["flag", "int", "number", "size", "duration", "choice", "text", "path", "list"]
    type: str
    """In words, with the limits: ``a whole number from 0 to 65535``."""
    default: str
    """In words; the empty list is ``none``."""
    description: str
    env: str
    option: str
    choices: tuple[str, ...]
    annotation: Any


def describe() -> Iterator[Setting]:
    """Every setting, in the order of the class."""
    yield from by_name().values()


@cache
def by_name() -> dict[str, Setting]:
    """Every setting by its name."""
    hints = get_type_hints(Settings, include_extras=True)
    fields = msgspec.structs.fields(Settings)
    return {field.name: _described(field, hints[field.name]) for field in fields}


def value_text(setting: Setting, value: Any) -> str:
    """A value as it could be written in a file or on the command line."""
    if value is None or value == ():
        return "none"
    if setting.kind == "flag":
        return str(value).lower()
    if setting.kind == "size":
        return size_text(value)
    if setting.kind == "duration":
        return duration_text(value)
    if setting.kind == "number":
        return f"{value:g}"
    if setting.kind == "list":
        return ",".join(str(each) for each in value)
    return str(value)


def _described(field: msgspec.structs.FieldInfo, annotation: Any) -> Setting:
    base, metas = _split(annotation)
    extra = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
    kind = _kind(base, extra)
    choices = _choices(base)
    setting = Setting(
        name=field.name,
        kind=kind,
        type=extra.get("expected") or _in_words(kind, choices, metas),
        default="",
        description=next(meta.description for meta in metas if meta.description),
        env=ENV_PREFIX + field.name.upper(),
        option="--" + field.name.replace("_", "-"),
        choices=choices,
        annotation=annotation,
    )
    default = extra.get("default") or value_text(setting, _default(field))
    return msgspec.structs.replace(setting, default=default)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _split(annotation: Any) -> tuple[Any, list[Meta]]:
    if get_origin(annotation) is Annotated:
        base, *metas = get_args(annotation)
        return base, [meta for meta in metas if isinstance(meta, Meta)]
    return annotation, []


def _without_none(base: Any) -> Any:
    if get_origin(base) in (Union, types.UnionType):
        return next(each for each in get_args(base) if each is not types.NoneType)
    return base


def _kind(base: Any, extra: dict[str, Any]) -> Any:
    base = _without_none(base)
    if "unit" in extra:
        return {"bytes": "size", "seconds": "duration"}[extra["unit"]]
    if get_origin(base) is tuple:
        return "list"
    if _choices(base):
        return "choice"
    return {bool: "flag", int: "int", float: "number", str: "text", Path: "path"}[base]


def _choices(base: Any) -> tuple[str, ...]:
    if get_origin(base) is tuple:
        base = get_args(base)[0]
    if get_origin(base) is Literal:
        return get_args(base)
    if isinstance(base, type) and issubclass(base, Enum):
        return tuple(each.value for each in base)
    return ()


def _in_words(kind: str, choices: tuple[str, ...], metas: list[Meta]) -> str:
    any_of = " or ".join(filter(None, [", ".join(choices[:-1]), *choices[-1:]]))
    words = {
        "flag": "true or false",
        "int": "a whole number",
        "number": "a number",
        "size": "a size like 16 MiB",
        "duration": "a time like 30s or 10min",
        "choice": any_of,
        "text": "a text",
        "path": "a path",
        "list": f"a list of {any_of or 'names'}",
    }[kind]
    return words + _limits(kind, metas)


def _limits(kind: str, metas: list[Meta]) -> str:
    low = next((meta.ge for meta in metas if meta.ge is not None), None)
    high = next((meta.le for meta in metas if meta.le is not None), None)

    def written(limit: float) -> str:
        if kind == "size":
            return size_text(int(limit))
        return duration_text(limit) if kind == "duration" else str(limit)

    if low is None:
        return ""
    if high is None:
        return f", at least {written(low)}"
    comma = "," if kind in ("size", "duration") else ""
    return f"{comma} from {written(low)} to {written(high)}"

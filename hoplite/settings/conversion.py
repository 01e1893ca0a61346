"""One value of one setting: from what was written to what is meant, checked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hoplite.exceptions import SettingError
from hoplite.settings import units
from hoplite.settings.described import Setting

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def converted(
    setting: Setting, value: Any, origin: str, *, as_text: bool = True, base: Path | None = None
) -> Any:
    """The value of ``setting`` that was given in ``origin``; raises SettingError.

    ``as_text``: a string may stand for a number, a flag or a list (options, environment); a TOML
    file has types of its own.  ``base``: what a path is relative to, by default the working
    directory.
    """
    try:
        if setting.kind == "path":
            meant: Any = _path(value, base or Path.cwd())
        else:
            meant = _meant(setting, value, as_text=as_text)
        return msgspec.convert(meant, setting.annotation, dec_hook=_keep)
    except (ValueError, RuntimeError):
        shown = json.dumps(value, default=str, ensure_ascii=False)
        raise SettingError(
            f"setting {setting.name} (from {origin}): expected {setting.type}, got {shown[:200]}",
            field=setting.name,
        ) from None


def _meant(setting: Setting, value: Any, *, as_text: bool) -> Any:
    if isinstance(value, str):
        if setting.kind in _UNITS:
            return _UNITS[setting.kind](value)
        if as_text and setting.kind in _TEXTS:
            return _TEXTS[setting.kind](value)
    if setting.kind == "list" and isinstance(value, list | tuple):
        return tuple(value) if not as_text else _flat(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(value)
    return value


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _flat(values: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]:
    flat: list[Any] = []
    for value in values:
        flat.extend(_list(value) if isinstance(value, str) else [value])
    return tuple(flat)


def _path(value: Any, base: Path) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError(value)
    return base / Path(value).expanduser()


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_UNITS: dict[str, Callable[[str], Any]] = {
    "size": units.size,
    "duration": units.duration,
}
_TEXTS: dict[str, Callable[[str], Any]] = {
    "flag": _flag,
    "int": int,
    "number": _number,
    "list": _list,
}


def _keep(kind: type, value: object) -> object:
    """Msgspec knows no paths: they are made above."""
    if not isinstance(value, kind):
        raise ValueError(value)
    return value

"""Sizes and durations as people write them, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SIZES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
    "k": 2**10,
    "m": 2**20,
    "g": 2**30,
    "t": 2**40,
}
_DURATIONS = {
    "": 1.0,
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 7 * 86_400.0,
}
_AMOUNT = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]*)\s*", re.ASCII)


def size(text: str) -> int:
    """Bytes from ``"16 MiB"``, ``"2GB"`` or ``"4096"``; raises ValueError."""
    amount, unit = _amount(text)
    return int(amount * _factor(_SIZES, unit))


def duration(text: str) -> float:
    """Seconds from ``"10min"``, ``"500 ms"`` or ``"30"``; raises ValueError."""
    amount, unit = _amount(text)
    return amount * _factor(_DURATIONS, unit)


def size_text(size_bytes: int) -> str:
    """``"16 MiB"``: the largest unit that divides it."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        factor = _SIZES[unit.lower()]
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor} {unit}"
    return f"{size_bytes} B"


def duration_text(seconds: float) -> str:
    """``"10min"``: the largest unit that divides it."""
    for unit in ("d", "h", "min"):
        if seconds and seconds % _DURATIONS[unit] == 0:
            return f"{seconds / _DURATIONS[unit]:g}{unit}"
    return f"{seconds:g}s"


def _amount(text: str) -> tuple[float, str]:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1]), match[2].lower()


def _factor(units: Mapping[str, float], unit: str) -> float:
    if unit not in units:
        raise ValueError(unit)
    return units[unit]

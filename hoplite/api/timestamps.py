"""Times in requests."""

from __future__ import annotations

from datetime import UTC, datetime

from hoplite.exceptions import InvalidFieldError


def parse_time(text: str, name: str) -> float:
    """ISO 8601 (UTC where it names no zone) or seconds since 1970, as seconds since 1970.

    Raises :class:`~hoplite.exceptions.InvalidFieldError`.
    """
    try:
        return float(text) if _is_number(text) else _iso(text)
    except (ValueError, OverflowError, OSError):
        raise InvalidFieldError(
            f"{name}: {text!r} is not a time; write it like 2026-01-31T12:00:00Z, or as seconds "
            "since 1970",
            field=name,
        ) from None


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and text.isascii()


def _iso(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

"""The ``progress`` that a status may hold."""

from __future__ import annotations

import msgspec


class _WithProgress(msgspec.Struct):
    progress: msgspec.Raw = msgspec.Raw(b"")


def progress_in(status: msgspec.Raw) -> msgspec.Raw | None:
    """The JSON of ``status["progress"]`` where it is an object, else None."""
    found = msgspec.json.decode(status, type=_WithProgress).progress
    return found.copy() if bytes(found).startswith(b"{") else None

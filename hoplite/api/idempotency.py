"""The header ``Idempotency-Key``: the same key and body make a job once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from flask import Request
from msgspec import Meta

from hoplite.exceptions import InvalidFieldError

_MAX_KEY = 255

HEADERS: Mapping[str, Any] = {
    "Idempotency-Key": Annotated[
        str,
        Meta(
            min_length=1,
            max_length=_MAX_KEY,
            description="The same key and body answer the first job again.",
        ),
    ]
}
ANSWER_HEADERS: Mapping[str, str] = {
    "Location": "The address of the job.",
    "Idempotency-Replayed": "`true`: this is the job of an earlier request.",
}


def idempotency_key(request: Request) -> str | None:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError` for one that is no key."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= _MAX_KEY and key.isprintable()):
        raise InvalidFieldError(
            f"Idempotency-Key: 1 to {_MAX_KEY} printable characters are needed",
            field="Idempotency-Key",
        )
    return key

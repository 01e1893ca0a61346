"""What an answer that is no success says."""

from __future__ import annotations

import json

from hoplite.exceptions import HopliteError, InternalServerError, UnavailableError, from_answer

_OF_GATEWAYS = frozenset({502, 503, 504})


def refusal(url: str, status: int, body: bytes) -> HopliteError:
    """The error that the server told; for an answer that no hoplite server gives, one about that."""
    try:
        told = json.loads(body)
        code, message, field = str(told["code"]), str(told["error"]), told.get("field")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _strange(url, status, body)
    return from_answer(code, message, field=field)


def _strange(url: str, status: int, body: bytes) -> HopliteError:
    said = f"{url} answered {status}: {body[:200].decode(errors='replace')}"
    if status == 500:
        return InternalServerError(said)
    if status in _OF_GATEWAYS:
        return UnavailableError(said)
    return HopliteError(said)

"""What an answer that is no success says."""

from __future__ import annotations

import json

from hoplite.exceptions import HopliteError, InternalServerError, UnavailableError, from_answer

_OF_GATEWAYS = frozenset({502, 503, 504})


def refusal(url: str, status: int, body: bytes, oar_code: str | None = None) -> HopliteError:
    """The error that the server told; for an answer that no hoplite server gives, one about that.

    ``oar_code``: the header ``Hoplite-Error``, which the OAR dialect has beside OAR's own words.
    """
    if oar_code is not None:
        return from_answer(oar_code, _oar_message(body))
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


def _oar_message(body: bytes) -> str:
    """Of an error in JSON or YAML."""
    import yaml  # for an error in its format alone

    try:
        # JSON is YAML as well, but for tabs and odd characters, which JSON's own reader takes.
        told = json.loads(body) if body.lstrip()[:1] == b"{" else yaml.safe_load(body)
        return str(told["message"])
    except (ValueError, KeyError, TypeError, yaml.YAMLError):
        return body[:200].decode(errors="replace")

"""What the server says, as bytes."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response

_encoder = msgspec.json.Encoder()
JSON = "application/json"


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """``value`` (or JSON text as bytes) as a JSON answer."""
    body = value if isinstance(value, bytes) else _encoder.encode(value)
    response = Response(body + b"\n", status, mimetype=JSON)
    if headers:
        response.headers.update(headers)
    return response


def encode(value: Any) -> bytes:
    return _encoder.encode(value)

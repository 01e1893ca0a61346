"""Requests as the authenticators see them."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from hoplite.model.caller import Role


def environ(peer: str = "192.0.2.7", port: Any = 4000, **keys: Any) -> dict[str, Any]:
    """A request that came over waitress."""
    made: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "localhost:5000",
        "hoplite.served_by": "waitress",
        "hoplite.local_address": ("127.0.0.1", 5000),
    }
    if port is not None:
        made["REMOTE_PORT"] = str(port)
    return made | keys


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Known(msgspec.Struct, frozen=True):
    name: str
    role: Role


class FewAccounts:
    """One user with a password and one token."""

    def verify_password(self, name: str, password: str) -> Known | None:
        right = (name, password) == ("alice", "correct hörse")
        return Known("alice", Role.USER) if right else None

    def verify_token(self, text: str) -> Known | None:
        return Known("robot", Role.READER) if text == "hop_1_right" else None

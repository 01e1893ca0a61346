"""The text of a token: ``hop_<id>_<43 characters of base64url>``, which secret scanners know."""

from __future__ import annotations

import hashlib
import re
import secrets

TOKEN_PATTERN = r"hop_[1-9][0-9]{0,17}_[A-Za-z0-9_-]{43}"
_TOKEN = re.compile(TOKEN_PATTERN)
SECRET_BYTES = 32


def new_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(SECRET_BYTES)


def token_text(token_id: int, secret: str) -> str:
    return f"hop_{token_id}_{secret}"


def parsed(text: str) -> tuple[int, str] | None:
    """The id and the secret in the text of a token; None: it is none."""
    if not _TOKEN.fullmatch(text):
        return None
    _, token_id, secret = text.split("_", 2)
    return int(token_id), secret


def secret_hash(secret: str) -> bytes:
    """What is stored.  The secret is random, so a fast hash keeps it."""
    return hashlib.sha256(secret.encode()).digest()

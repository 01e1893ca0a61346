"""HTTP in, HTTP out: no rule of the domain lives here."""

from __future__ import annotations

from hoplite.api.factory import create_app

__all__ = ["create_app"]

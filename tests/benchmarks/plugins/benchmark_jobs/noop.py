"""The least that a job can be."""

from __future__ import annotations

from typing import Any


def run(config: dict[str, Any], status: Any) -> None:
    """Do nothing."""

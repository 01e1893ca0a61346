"""Raise with a message larger than any pipe."""

from __future__ import annotations

from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    raise ValueError("x" * config.get("size", 5_000_000))

"""Raise after a status."""

from __future__ import annotations

from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"before": "the fall"})
    raise TypeError("wrong type of thing")

"""Update thrice."""

from __future__ import annotations

from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"a": 1, "nested": {"x": 1}})
    status.update({"b": 2, "nested": {"y": 2}})

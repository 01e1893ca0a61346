"""Run another job, on the server at config["address"], and fail if it does."""

from __future__ import annotations

from typing import Any

from hoplite.client import RemoteJobManager, StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"state": "running the other"})
    with RemoteJobManager(config["address"]) as manager:
        manager.run(config["plugin"], config.get("config"))

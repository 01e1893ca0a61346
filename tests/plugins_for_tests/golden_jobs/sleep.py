"""Sleep for config["seconds"]."""

from __future__ import annotations

import time
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"state": "sleeping"})
    time.sleep(config.get("seconds", 30))

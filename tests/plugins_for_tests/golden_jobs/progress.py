"""Say how far it is."""

from __future__ import annotations

import time
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    for n in range(config.get("total", 3) + 1):
        status.progress(n, config.get("total", 3), f"step {n}")
        time.sleep(config.get("pause", 0))

"""Count in the status."""

from __future__ import annotations

import time
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    for n in range(config.get("count", 100)):
        status.update({"n": n})
        time.sleep(config.get("pause", 0))

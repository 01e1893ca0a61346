"""Go on when a file appears."""

from __future__ import annotations

import os
import time
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"state": "waiting"})
    while not os.path.exists(config["path"]):
        time.sleep(0.01)
    status.update({"state": "seen"})
    if "code" in config:
        raise SystemExit(config["code"])

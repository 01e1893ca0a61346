"""Have children and grandchildren, some in sessions of their own."""

from __future__ import annotations

import subprocess
import time
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    plain = subprocess.Popen(["sleep", "300"])
    apart = subprocess.Popen(["setsid", "sleep", "300"])
    below = subprocess.Popen(["sh", "-c", "sleep 300 & wait"])
    status.update({"pids": [plain.pid, apart.pid, below.pid]})
    time.sleep(config.get("seconds", 30))

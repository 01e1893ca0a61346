"""Hear no SIGTERM."""

from __future__ import annotations

import signal
import time
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    status.update({"state": "ignoring SIGTERM"})
    time.sleep(config.get("seconds", 30))

"""Die of a signal."""

from __future__ import annotations

import os
import signal
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"state": "about to be killed"})
    os.kill(os.getpid(), config.get("signal", signal.SIGKILL))

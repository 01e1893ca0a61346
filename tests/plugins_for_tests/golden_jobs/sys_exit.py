"""Leave by sys.exit."""

from __future__ import annotations

import sys
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"state": "about to exit"})
    sys.exit(config.get("code", 0))

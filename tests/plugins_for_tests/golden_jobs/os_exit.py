"""Leave without a word."""

from __future__ import annotations

import os
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"state": "about to die"})
    os._exit(config.get("code", 7))

"""Print to both streams."""

from __future__ import annotations

import sys
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    for n in range(config.get("lines", 3)):
        print(f"line {n}")
    print("a complaint", file=sys.stderr)

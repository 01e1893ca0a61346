"""Updates its status with each of ``config["updates"]``."""

from __future__ import annotations

from typing import Any


def run(config: Any, status: Any) -> None:
    """Report."""
    for update in config["updates"]:
        status.update(update)

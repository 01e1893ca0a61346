"""Raise what cannot be pickled."""

from __future__ import annotations

import threading
from typing import Any

from hoplite.client.status_updater import StatusUpdater


class Locked(Exception):
    """Holds a lock."""

    def __init__(self) -> None:
        super().__init__("I hold a lock")
        self.lock = threading.Lock()


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    raise Locked

"""What a job of OAR's type ``noop`` runs in place of its command: nothing, for all of its walltime."""

from __future__ import annotations

import signal
from typing import Any


def run(config: Any, status: Any) -> None:
    """Wait for the end."""
    while True:
        signal.pause()

"""Returns while a thread goes on, and prints at exit."""

from __future__ import annotations

import atexit
import threading
import time
from typing import Any


def run(config: Any, status: Any) -> None:
    """Leave work behind."""
    atexit.register(print, "at exit")
    threading.Thread(target=_work).start()


def _work() -> None:
    time.sleep(0.1)
    print("thread done")

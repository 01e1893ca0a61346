"""SIGTERM and SIGINT."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def call_on_stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Within it, SIGTERM and SIGINT call ``stop``; a SIGINT after that ends the process at once.

    Outside the main thread nothing is changed: only the main thread may handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = False

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping and signum == signal.SIGINT:
            os._exit(128 + signum)
        stopping = True
        stop()

    signals = (signal.SIGTERM, signal.SIGINT)
    before = {signum: signal.signal(signum, handle) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)

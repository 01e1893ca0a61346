"""SIGTERM, SIGINT, and SIGHUP where a terminal is closed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def call_on_stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Within it, SIGTERM, SIGINT and SIGHUP call ``stop``; a SIGINT after that ends the process at once.

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

    signals = [signal.SIGTERM, signal.SIGINT]
    if stops_on_hangup():
        signals.append(signal.SIGHUP)
    before = {signum: signal.signal(signum, handle) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def stops_on_hangup() -> bool:
    """Whether SIGHUP stops the server: not where there is none, and not under ``nohup``."""
    return hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

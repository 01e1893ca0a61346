"""Named places where a test can have the process die as if by ``kill -9``.

``HOPLITE_CRASH_AT=name``, ``name:n`` (the nth time) or ``name:n:SIGSTOP`` (another signal) in the
environment; unset, a crash point costs one look at a module constant.
"""

from __future__ import annotations

import os
import signal
import threading

_ARMED, _nth, _signal = (*os.environ.get("HOPLITE_CRASH_AT", "").split(":"), "", "")[:3]
_left = int(_nth or 1)
_lock = threading.Lock()


def crash_point(name: str) -> None:
    """Die here if the environment says so."""
    if _ARMED and name == _ARMED:
        _die_at_zero()


def _die_at_zero() -> None:
    global _left
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), getattr(signal, _signal or "SIGKILL"))

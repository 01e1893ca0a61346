"""Prints the environment that this process's interpreter was started with."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

_PR_SET_DUMPABLE = 4


def run(config: Any, status: Any) -> None:
    """Make the process's own files in /proc readable again, as any process may."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    print(Path("/proc/self/environ").read_bytes())

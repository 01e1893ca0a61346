"""Changing what names stand for, at once."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2


def exchange(one: Path, other: Path) -> None:
    """Give each the other's name, so that neither is ever missing."""
    first, second = (ctypes.c_char_p(bytes(path)) for path in (one, other))
    done = ctypes.CDLL(None, use_errno=True).renameat2(
        _AT_FDCWD, first, _AT_FDCWD, second, _EXCHANGE
    )
    assert done == 0, os.strerror(ctypes.get_errno())

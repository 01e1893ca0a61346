"""For the tests of programs that call remotely: without a server, or with one of their own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoplite.testing.local import in_process
    from hoplite.testing.servers import ThrowAwayServer, throw_away_server

__all__ = ["ThrowAwayServer", "in_process", "throw_away_server"]

_HOME = {"ThrowAwayServer": "servers", "in_process": "local", "throw_away_server": "servers"}


def __getattr__(name: str) -> Any:
    # Late: pytest imports this package everywhere, for its fixtures.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)

"""For the tests of programs that call remotely: without a server, or with one of their own."""

from __future__ import annotations

from hoplite.testing.in_process import in_process
from hoplite.testing.throw_away_server import ThrowAwayServer, throw_away_server

__all__ = ["ThrowAwayServer", "in_process", "throw_away_server"]

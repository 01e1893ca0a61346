"""Fixtures for users' tests; pytest finds them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hoplite.testing import ThrowAwayServer

# What the fixtures need is imported when one is asked for: pytest loads this file everywhere.


@pytest.fixture(scope="session")
def hoplite_server() -> Iterator[ThrowAwayServer]:
    """A server for all tests of the session; ``hoplite_server.address`` is where."""
    from hoplite.testing import throw_away_server

    with throw_away_server() as server:
        yield server


@pytest.fixture
def hoplite_in_process() -> Iterator[None]:
    """Remote functions run in the test's own process."""
    from hoplite.testing import in_process

    with in_process():
        yield

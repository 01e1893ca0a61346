from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoplite.accounts import AccountStore

PASSWORD = "correct horse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.db"


@pytest.fixture
def store(path: Path) -> Iterator[AccountStore]:
    """The store of a running server, with the user ann."""
    with AccountStore(path) as store:
        store.add_user("ann", "user", PASSWORD)
        yield store


@pytest.fixture
def other(store: AccountStore, path: Path) -> Iterator[AccountStore]:
    """The same file, opened by the command line."""
    with AccountStore(path) as other:
        yield other

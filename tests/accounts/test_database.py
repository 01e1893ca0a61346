from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hoplite.accounts import AccountStore
from hoplite.exceptions import StorageUnavailableError


def test_a_file_of_a_newer_release_is_refused_and_left_alone(path: Path) -> None:
    AccountStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageUnavailableError, match="newer hoplite"):
        AccountStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(StorageUnavailableError, match="another program"):
        AccountStore(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageUnavailableError, match=r"accounts\.db cannot be used"):
        AccountStore(path)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match=r"none/accounts\.db"):
        AccountStore(tmp_path / "none" / "accounts.db")


def test_a_store_may_be_closed_twice(path: Path) -> None:
    store = AccountStore(path)
    store.close()
    store.close()

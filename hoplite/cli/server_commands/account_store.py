"""The accounts that a command works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoplite.cli.program import Invocation
from hoplite.cli.setting_options import loaded
from hoplite.data_directory import ACCOUNTS_FILE, prepare

if TYPE_CHECKING:
    from hoplite.accounts import AccountStore


def open_accounts(invocation: Invocation, given: dict[str, Any]) -> AccountStore:
    """The store in the data directory, made if it is not there.

    Settings that contradict do not matter here: an account may be what resolves it.
    """
    from hoplite.accounts import AccountStore  # noqa: PLC0415 - argon2, sqlite3

    data_dir = prepare(loaded(invocation, given).settings.data_dir)
    return AccountStore(data_dir / ACCOUNTS_FILE)

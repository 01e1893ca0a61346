"""Users with passwords and tokens: the ``users`` way of authentication."""

from __future__ import annotations

from hoplite.accounts.records import Account, NewToken, Token, User
from hoplite.accounts.store import AccountStore

__all__ = ["Account", "AccountStore", "NewToken", "Token", "User"]

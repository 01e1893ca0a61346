"""Who asks, and from where."""

from __future__ import annotations

from hoplite.api.auth.chain import Authenticators, authenticators
from hoplite.api.auth.in_process import InProcessClient
from hoplite.api.auth.origin import OriginPolicy
from hoplite.api.auth.protocol import Account, Accounts, Authenticator
from hoplite.api.auth.proxy import TrustedProxies

__all__ = [
    "Account",
    "Accounts",
    "Authenticator",
    "Authenticators",
    "InProcessClient",
    "OriginPolicy",
    "TrustedProxies",
    "authenticators",
]

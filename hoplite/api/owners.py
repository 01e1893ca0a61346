"""Which Unix account a job runs as."""

from __future__ import annotations

import os

from hoplite.exceptions import NotAuthorizedError
from hoplite.execution.local.accounts import account
from hoplite.execution.protocol import RunAs
from hoplite.manager.launching import Owners
from hoplite.model.caller import Caller


def owners() -> Owners:
    """A root server runs each job as its owner; any other runs all as itself."""
    return UnixOwners() if os.geteuid() == 0 else OneOwner()


class OneOwner:
    """Every job runs as the server's own account."""

    def admit(self, caller: Caller) -> None:
        pass

    def run_as(self, owner: str) -> RunAs | None:
        return None


class UnixOwners:
    """Every job runs as the Unix account that its owner is called like."""

    def admit(self, caller: Caller) -> None:
        """Root's rights are for administrators, whatever a proxy says somebody is called."""
        if self.run_as(caller.name) is None and not caller.is_admin:
            raise NotAuthorizedError(
                f"jobs of {caller.name} would run with root's rights, which only administrators have"
            )

    def run_as(self, owner: str) -> RunAs | None:
        try:
            found = account(owner)
        except KeyError:
            raise NotAuthorizedError(
                f"{owner} has no Unix account on this machine, and a server that runs as root "
                "starts each job as its owner: make the account, or run the server under another"
            ) from None
        return None if found.uid == 0 else found

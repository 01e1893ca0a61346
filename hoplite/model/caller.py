"""Who asks, and what they may do.  The rights of the whole product in one place."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hoplite.model.job import Job


class Role(StrEnum):
    """What a caller is to the server."""

    ADMIN = "admin"
    USER = "user"
    READER = "reader"
    """May look, may not submit."""


class Visibility(StrEnum):
    """What others than its owner and administrators see of a job."""

    STATE = "state"
    """That it exists, whose it is, and its state; not its config, status, log."""
    FULL = "full"
    NONE = "none"


class Caller(msgspec.Struct, frozen=True):
    """An identified caller.  ``via`` names the way: kernel, basic, token, proxy, process."""

    name: str
    role: Role
    via: str

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    def may_submit(self) -> bool:
        return self.role is not Role.READER

    def owns(self, job: Job) -> bool:
        """May start, kill and delete it, and see all of it."""
        return self.is_admin or (job.owner == self.name and self.role is not Role.READER)

    def sees_all_of(self, job: Job, visibility: Visibility) -> bool:
        """May see its config, status and log."""
        return self.is_admin or job.owner == self.name or visibility is Visibility.FULL

    def sees(self, job: Job, visibility: Visibility) -> bool:
        """May know that it exists."""
        return visibility is not Visibility.NONE or self.sees_all_of(job, visibility)

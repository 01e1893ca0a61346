"""The manager's settings, in its own words, as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Limits(msgspec.Struct, kw_only=True):
    """Sizes in bytes, times in seconds.

    All parts of one manager share one of these, and look into it when they need to know.  It becomes
    another by :meth:`JobManager.limit <hoplite.manager.job_manager.JobManager.limit>` alone.
    """

    max_running: int = 8
    max_config_bytes: int = 1 << 20
    max_status_bytes: int = 1 << 20
    max_result_bytes: int = 1 << 30
    kill_grace_s: float = 5.0
    status_retry_s: float = 600.0
    keep_age_s: float = 90 * 86400.0
    keep_jobs: int = 1_000_000
    keep_log_bytes: int = 10 << 30
    keep_consumption_s: float = 3650 * 86400.0
    keep_keys_s: float = 86400.0
    queues: Mapping[str, int] = MappingProxyType({"admin": 10, "default": 2, "besteffort": 0})
    """Priorities; a job of a higher one is planned first."""
    default_walltime_s: float = 7200.0
    users_may_suspend: bool = False
    """Whether owners can suspend and resume their running jobs; else only administrators."""
    walltime_change: bool = True
    """Whether the walltime of a running job can be changed."""
    walltime_max_increase_s: float | None = None
    """By how much at most; administrators may force more."""
    users_may_delay_jobs: bool = False
    """Whether owners can have others wait for a longer walltime; else only administrators."""
    sendmail: str | None = None
    """The program that sends mails; None: none can be sent."""
    max_array: int = 10_000
    max_reservations: int | None = None
    """Reservations that one user may have waiting, but for administrators; None: any number."""
    admission_time_s: float = 1.0
    """What the admission rules of one submission may compute, all together."""
    admission_memory_bytes: int = 64 << 20
    local_nodes: tuple[str, ...] = ("*",)
    """Nodes that are this machine, beside its host name and ``localhost``; ``*``: all."""

    def become(self, other: Limits) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(other, name))

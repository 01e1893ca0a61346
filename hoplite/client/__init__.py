"""What programs that talk to a Hoplite server import."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoplite.client.availability import is_hoplite_available, wait_for_hoplite
    from hoplite.client.event_stream import Event, EventStream
    from hoplite.client.job_info import JobInfo
    from hoplite.client.new_job import JobOptions
    from hoplite.client.remote_job import RemoteJob
    from hoplite.client.remote_job_manager import RemoteJobManager
    from hoplite.client.server_connection import ConnectionOptions
    from hoplite.client.status_updater import MockStatusUpdater, StatusUpdater

__all__ = [
    "ConnectionOptions",
    "Event",
    "EventStream",
    "JobInfo",
    "JobOptions",
    "MockStatusUpdater",
    "RemoteJob",
    "RemoteJobManager",
    "StatusUpdater",
    "is_hoplite_available",
    "wait_for_hoplite",
]

_HOME = {
    "ConnectionOptions": "server_connection",
    "Event": "event_stream",
    "EventStream": "event_stream",
    "JobInfo": "job_info",
    "JobOptions": "new_job",
    "MockStatusUpdater": "status_updater",
    "RemoteJob": "remote_job",
    "RemoteJobManager": "remote_job_manager",
    "StatusUpdater": "status_updater",
    "is_hoplite_available": "availability",
    "wait_for_hoplite": "availability",
}


def __getattr__(name: str) -> Any:
    # Imported when first asked for: a job that reports nothing should not pay for an HTTP client.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

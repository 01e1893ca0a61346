"""Calling functions and methods on a server: what programs import from here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hoplite.remote_enabler.decoration import RemoteEnablerMetaClass, remotify
from hoplite.remote_enabler.reporting import report_progress

if TYPE_CHECKING:
    from hoplite.remote_enabler.async_job import RemoteAsyncJobWrapper
    from hoplite.remote_enabler.calling import remote, remote_async
    from hoplite.remote_enabler.server import Server, close_connections

__all__ = [
    "RemoteAsyncJobWrapper",
    "RemoteEnablerMetaClass",
    "Server",
    "close_connections",
    "remote",
    "remote_async",
    "remotify",
    "report_progress",
]

_HOME = {
    "RemoteAsyncJobWrapper": "async_job",
    "Server": "server",
    "close_connections": "server",
    "remote": "calling",
    "remote_async": "calling",
}


def __getattr__(name: str) -> Any:
    # Late: a module that is decorated is imported in jobs too, which call nobody.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

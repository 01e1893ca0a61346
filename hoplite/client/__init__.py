"""What programs that talk to a Hoplite server import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoplite.client.status_updater import MockStatusUpdater, StatusUpdater

__all__ = ["MockStatusUpdater", "StatusUpdater"]

_HOME = {
    "MockStatusUpdater": "hoplite.client.status_updater",
    "StatusUpdater": "hoplite.client.status_updater",
}


def __getattr__(name: str) -> Any:
    # Imported when first asked for: a job that reports nothing should not pay for an HTTP client.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)

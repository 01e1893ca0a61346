"""A job server that never loses a job and never lies about one."""

from __future__ import annotations

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Late, because most processes that import hoplite (every job's) never ask.
    from importlib import metadata

    try:
        return metadata.version("hoplite")
    except metadata.PackageNotFoundError:
        return "0+not.installed"

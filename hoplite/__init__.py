"""A job server that never loses a job and never lies about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoplite.client.availability import is_hoplite_available, wait_for_hoplite
    from hoplite.client.pip import (
        remote_install_python_package,
        remote_uninstall_python_package,
    )
    from hoplite.remote_enabler.decoration import remotify

    __version__: str

__all__ = [
    "__version__",
    "is_hoplite_available",
    "remote_install_python_package",
    "remote_uninstall_python_package",
    "remotify",
    "wait_for_hoplite",
]


def __getattr__(name: str) -> Any:
    # Late, because most processes that import hoplite (every job's) never ask.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        return _version()
    if name == "remotify":
        from hoplite.remote_enabler.decoration import remotify

        return remotify
    from hoplite import public_api

    return getattr(public_api, name)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("hoplite")
    except metadata.PackageNotFoundError:
        return "0+not.installed"

"""Python packages of a server, by its plugins for pip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack
from urllib.parse import urlsplit

from hoplite.client.remote_job_manager import RemoteJobManager
from hoplite.client.server_connection import ConnectionOptions
from hoplite.exceptions import JobFailedError

_INSTALL = "hoplite.plugins.install_python_package_job"
_UNINSTALL = "hoplite.plugins.uninstall_python_package_job"


class Error(Exception):
    """pip failed; the text is what it said."""


def remote_install(
    host: str,
    package: str,
    port: int | str = 5000,
    options: str = "",
    **connection: Unpack[ConnectionOptions],
) -> None:
    """Install a package on a server; ``options`` are pip's, in one string.

    Raises :class:`Error` with pip's output if pip failed.
    """
    with RemoteJobManager(host, port, **connection) as manager:
        try:
            _run(manager, _INSTALL, {"PIP_CMD": f"install {options} {package}"})
        except JobFailedError as error:
            raise Error(_said(error)) from error


def remote_install_python_package(
    remote_host: str,
    package: str,
    server: str | None = None,
    options: Sequence[str] | None = None,
    **connection: Unpack[ConnectionOptions],
) -> str:
    """Install a package on a server; what pip said.

    ``server`` is the URL of the package index; one with ``http://`` is trusted, one with
    ``https://`` needs a certificate that pip trusts.  ``options`` are words for pip.  Raises
    RuntimeError if pip failed.
    """
    words = ["install", package, *(options or ()), *index_options(server)]
    return _said_by_pip(remote_host, _INSTALL, {"PIP_CMD": words}, connection)


def remote_uninstall_python_package(
    remote_host: str, package: str, **connection: Unpack[ConnectionOptions]
) -> str:
    """Uninstall a package on a server; what pip said.  Raises RuntimeError if pip failed."""
    return _said_by_pip(remote_host, _UNINSTALL, {"PACKAGE": package}, connection)


def index_options(server: str | None) -> list[str]:
    """The options with which pip fetches from the index of that URL."""
    if server is None:
        return []
    parts = urlsplit(server)
    trusted = ["--trusted-host", parts.hostname or ""] if parts.scheme == "http" else []
    return ["--index-url", server, *trusted]


def _said_by_pip(
    host: str, plugin: str, config: Mapping[str, Any], connection: ConnectionOptions
) -> str:
    with RemoteJobManager(host, **connection) as manager:
        try:
            return _run(manager, plugin, config)
        except JobFailedError as error:
            raise RuntimeError(
                f"{error.remote_message or error} on {host}. Output of pip: {_said(error)}"
            ) from error


def _run(manager: RemoteJobManager, plugin: str, config: Mapping[str, Any]) -> str:
    """What pip said; the server has the packages in view when this returns."""
    status = manager.run(plugin, config).status()
    if not status.get("reloaded"):
        manager.reload_site_packages()
    return str(status.get("stdout", ""))


def _said(error: JobFailedError) -> str:
    return str(error.status.get("stdout") or error.remote_message or error)

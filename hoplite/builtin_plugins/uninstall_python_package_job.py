"""The plugin ``hoplite.plugins.uninstall_python_package_job``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hoplite.builtin_plugins.constants import UninstallPythonPackageJobConstants as Keys
from hoplite.builtin_plugins.install_python_package_job import run_and_report
from hoplite.builtin_plugins.reporting import Status
from hoplite.exceptions import InvalidFieldError


def run(config: Mapping[str, Any], status: Status) -> None:
    """Uninstall ``PACKAGE``, a name or a list of names, then have the server look for plugins again.

    The status is that of ``install_python_package_job``.
    """
    try:
        names = _names(config.get(Keys.PACKAGE))
    except InvalidFieldError as error:
        status.update_at_end({"succeeded": False, "errors": [str(error)]})
        raise
    run_and_report(["uninstall", "--yes", "--", *names], status)


def _names(package: object) -> list[str]:
    names = [package] if isinstance(package, str) else package
    if isinstance(names, list) and names and all(isinstance(n, str) and n for n in names):
        return names
    raise InvalidFieldError(
        "config.PACKAGE must be the name of a package, or a list of names",
        field=f"config.{Keys.PACKAGE}",
    )

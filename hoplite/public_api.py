"""The functions of the top of the package, under the name by which programs for Hoplite 15 import
them too, and those that were only here."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

from hoplite.client.availability import is_hoplite_available, wait_for_hoplite
from hoplite.client.pip import (
    index_options,
    remote_install_python_package,
    remote_uninstall_python_package,
)
from hoplite.remote_enabler.decoration import remotify

__all__ = [
    "install_python_package",
    "is_hoplite_available",
    "remote_install_python_package",
    "remote_uninstall_python_package",
    "run_cmd_command",
    "uninstall_python_package",
    "wait_for_hoplite",
]


def install_python_package(
    package: str, server: str | None = None, options: Sequence[str] | None = None
) -> str:
    """Install a package into this interpreter's environment; what pip said.

    The arguments are those of ``remote_install_python_package``.  Raises RuntimeError if pip failed.
    """
    return _pip(["install", package, *(options or ()), *index_options(server)])


def uninstall_python_package(package: str) -> str:
    """Uninstall a package here; what pip said.  Raises RuntimeError if pip failed."""
    return _pip(["uninstall", "--yes", "--", package])


@remotify(__name__)
def run_cmd_command(*args: Any, **kwargs: Any) -> tuple[bytes, bytes, int]:
    """Run a command here, with the arguments of ``subprocess.Popen``; its standard output, its
    standard error and its exit code."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(*args, **{**kwargs, **pipes}) as process:
        out, err = process.communicate()
    return out, err, process.returncode


def _pip(words: Sequence[str]) -> str:
    from hoplite.client.pip_command import reason, run_pip

    done = run_pip(words, lambda line: None)
    if done.exit_code:
        raise RuntimeError(f"{reason(done)}. Output of pip: {done.output}")
    return done.output

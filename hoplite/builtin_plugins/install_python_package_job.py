"""The plugin ``hoplite.plugins.install_python_package_job``: pip, in the server's own Python."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hoplite.builtin_plugins.constants import InstallPythonPackageJobConstants as Keys
from hoplite.builtin_plugins.reporting import Status
from hoplite.builtin_plugins.server_reload import reload_server
from hoplite.client.pip_command import pip_words, reason, run_pip
from hoplite.exceptions import InvalidFieldError


def run(config: Mapping[str, Any], status: Status) -> None:
    """Install with pip, then have the server look for plugins again.

    ``PIP_CMD``: what to give pip, a string like ``"install --upgrade package"`` or a list of words;
    or ``LOCAL_PATH``: a folder or a file to install.  The status gets ``succeeded``, ``stdout`` (its
    end), ``errors`` if it failed, and ``reloaded``: whether the server has looked.
    """
    try:
        words = _words(config)
    except InvalidFieldError as error:
        status.update_at_end({"succeeded": False, "errors": [str(error)]})
        raise
    run_and_report(words, status)


def run_and_report(words: Sequence[str], status: Status) -> None:
    """Run pip and tell how it went; raises RuntimeError if it failed."""
    done = run_pip(words, sys.stdout.write)
    if done.exit_code:
        errors = ["Pip returned a non-zero error code", reason(done)]
        status.update_at_end({"succeeded": False, "stdout": done.output, "errors": errors})
        raise RuntimeError(reason(done))
    trouble = reload_server(status.addr)
    if trouble:
        print(f"hoplite: the server has yet to reload: {trouble}", file=sys.stderr)  # noqa: T201 - the job's own log
    status.update_at_end({"succeeded": True, "stdout": done.output, "reloaded": not trouble})


def _words(config: Mapping[str, Any]) -> list[str]:
    command, path = config.get(Keys.PIP_CMD), config.get(Keys.LOCAL_PATH)
    if command is None and path is None:
        raise InvalidFieldError("No local path specified", field=f"config.{Keys.LOCAL_PATH}")
    if command is None:
        return ["install", _text(path)]
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        return pip_words(command)
    if not isinstance(command, str):
        raise _bad_command("is neither a string nor a list of strings")
    try:
        return pip_words(command)
    except ValueError as error:
        raise _bad_command(f"cannot be split into words: {error}") from None


def _text(path: object) -> str:
    if isinstance(path, str) and path:
        return path
    raise InvalidFieldError(
        "config.LOCAL_PATH must be a path, as a string", field=f"config.{Keys.LOCAL_PATH}"
    )


def _bad_command(why: str) -> InvalidFieldError:
    return InvalidFieldError(
        f"config.PIP_CMD {why}: give something like 'install package'",
        field=f"config.{Keys.PIP_CMD}",
    )

"""A command line whose errors are one line on stderr, never a traceback."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from hoplite.exceptions import HopliteError, SettingError

USAGE_ERROR = 2
FAILURE = 1
_INTERRUPTED = 130


class Invocation(msgspec.Struct):
    """What one run of the command carries along (click's ``ctx.obj``)."""

    debug: bool = False
    """Show tracebacks."""
    given: dict[str, Any] = msgspec.field(default_factory=dict)
    """Settings given as options before the subcommand."""
    config_file: str | None = None
    failure: int = FAILURE
    """What to exit with when something goes wrong, the usage aside."""


class Program(click.Group):
    """A group that ends with 0, with 2 for usage and settings, and with 1 for all else."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        invocation = extra.setdefault("obj", Invocation(debug=_wants_debug(os.environ)))
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        name = prog_name or str(self.name)
        try:
            code = super().main(args, name, complete_var, False, **extra)
        except Exception as error:  # noqa: BLE001 - the last place, and all of it is told
            sys.exit(_told(name, error, invocation))
        sys.exit(code if isinstance(code, int) else 0)


def _wants_debug(environ: os._Environ[str]) -> bool:
    return environ.get("HOPLITE_DEBUG", "").lower() in ("1", "true", "yes", "on")


def _told(name: str, error: Exception, invocation: Invocation) -> int:
    """Say what went wrong; the exit code."""
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        # Whoever read the output has seen enough; Python must not try to flush the rest.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - lives until the exit
        return FAILURE
    if invocation.debug and not isinstance(error, click.exceptions.ClickException | click.Abort):
        traceback.print_exception(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.message, err=True)
        return USAGE_ERROR
    message, code = _message(error, invocation.failure)
    click.echo(f"{name}: {' '.join(message.split())}", err=True)
    return code


def _message(error: Exception, failure: int) -> tuple[str, int]:
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else ""
        return f"{error.format_message()} (see {where} --help)", USAGE_ERROR
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    if isinstance(error, click.Abort):
        return "interrupted", _INTERRUPTED
    if isinstance(error, SettingError):
        return error.message, USAGE_ERROR
    if isinstance(error, HopliteError):
        return error.message, failure
    return f"{type(error).__name__}: {error} (--debug shows where)", failure

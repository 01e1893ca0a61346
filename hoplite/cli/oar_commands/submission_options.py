"""The options of ``oarsub``: their long names are the keys of a submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from hoplite.cli.oar_commands.job_ids import JOB_ID

Command = TypeVar("Command", bound=Callable[..., Any])


def _one(*names: str, metavar: str = "TEXT", **more: Any) -> Callable[[Command], Command]:
    return click.option(*names, metavar=metavar, **more)


def _several(*names: str, metavar: str, **more: Any) -> Callable[[Command], Command]:
    return click.option(*names, metavar=metavar, multiple=True, **more)


def _flag(*names: str, **more: Any) -> Callable[[Command], Command]:
    return click.option(*names, is_flag=True, **more)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _several(
        "-l",
        "--resource",
        metavar="REQUEST",
        help="What it needs, like /nodes=1/core=2,walltime=1:0:0.  Repeated: it gets the one with "
        "which it ends first.",
    ),
    _one("--array", metavar="N", type=int, help="So many jobs."),
    _one(
        "--array-param-file",
        metavar="FILE",
        help="A job for each line of this file, which is put after the command.",
    ),
    _flag("-S", "--scanscript", help="COMMAND is a script here; read its #OAR lines."),
    _one("-q", "--queue", metavar="NAME", help="The queue."),
    _one("-p", "--property", metavar="FILTER", help="A filter for resources, like mem > 1000."),
    _one(
        "-r",
        "--reservation",
        metavar="DATE",
        help="Start just then: YYYY-MM-DD HH:MM:SS in the server's time.",
    ),
    _one(
        "--checkpoint",
        metavar="SECONDS",
        type=int,
        help="So long before the end of its walltime it gets --signal.",
    ),
    _one("--signal", metavar="N", type=int, help="The checkpoint signal; by default 12."),
    _several("-t", "--type", metavar="TYPE", help="A type, like besteffort.  May be repeated."),
    _one("-d", "--directory", metavar="PATH", help="The directory to run in."),
    _one("--project", metavar="NAME", help="The project that it is for."),
    _one("-n", "--name", metavar="NAME", help="A name for the job."),
    _several(
        "-a",
        "--anterior",
        metavar="ID",
        type=JOB_ID,
        help="A job that must have ended before.  May be repeated.",
    ),
    _flag("--success-only", help="Those of -a must have succeeded, too."),
    _one("--notify", help="Whom to tell of it: mail:ADDRESS or exec:PROGRAM."),
    _one("--resubmit", metavar="ID", type=JOB_ID, help="Run this job, which has ended, again."),
    _one("-O", "--stdout", metavar="FILE", help="The file for its standard output."),
    _one("-E", "--stderr", metavar="FILE", help="The file for its standard error."),
    _flag("--hold", help="It waits until it is resumed."),
    _flag("-k", "--use-job-key", help="Without effect: a job needs no key here."),
    _one("-i", "--import-job-key-from-file", metavar="FILE", help="Without effect."),
    _one("-e", "--export-job-key-to-file", metavar="FILE", help="Without effect."),
    _flag("-I", "--interactive", help="Refused: no job here has a terminal."),
    _flag("--dry-run", help="Only say what would happen."),
)


def with_submission_options(command: Command) -> Command:
    """Add them; the command gets them by their names, with ``_``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given, as keys of a submission."""
    return {
        name.replace("_", "-"): list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        # 0 is an answer, and False and 0 are equal.
        if value is not None and value is not False and value not in ((), "")
    }

"""The options of a new job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _variables(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> dict[str, str] | None:
    pairs = [text.partition("=") for text in given]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r} is not of the form NAME=VALUE", ctx, param)
    return {name: value for name, _, value in pairs} or None


_OPTIONS = (
    click.option(
        "--time-limit", "time_limit_s", type=float, metavar="SECONDS", help="End it after that."
    ),
    click.option(
        "--env",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_variables,
        help="A variable for it.  May be repeated.",
    ),
    click.option("--workdir", metavar="PATH", help="The directory over there to run in."),
    click.option(
        "-l",
        "--resource",
        multiple=True,
        metavar="REQUEST",
        help="What it needs, like /nodes=1/core=2,walltime=1:0:0.  May be repeated: one of them.",
    ),
    click.option("--walltime", type=int, metavar="SECONDS", help="Where the request has none."),
    click.option("--queue", metavar="NAME", help="Where it waits for resources."),
    click.option(
        "--type", "types", multiple=True, metavar="TYPE", help="Like besteffort.  May be repeated."
    ),
    click.option("--properties", metavar="FILTER", help="Of resources, like 'mem > 1000'."),
    click.option("--job-name", metavar="TEXT", help="A name of your own for it."),
    click.option("--project", metavar="NAME", help="What it is for."),
    click.option(
        "--after", type=int, multiple=True, metavar="ID", help="Wait for the end of that job."
    ),
    click.option("--notify", metavar="mail:ADDRESS|exec:COMMAND", help="Whom to tell of it."),
)


def job_options(command: Command) -> Command:
    """They come as ``**options``, for :func:`given`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Those that were given, as the client library takes them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }

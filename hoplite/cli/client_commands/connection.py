"""The server that a command is for, and the options that say which."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hoplite.cli.program import Invocation

if TYPE_CHECKING:
    from hoplite.client import RemoteJobManager

Command = TypeVar("Command", bound=Callable[..., Any])
_KEY = "hoplite.cli.client."


def with_connection(command: Command) -> Command:
    """Add ``--address``, ``--port``, ``--ca-file``, ``--json`` and ``--debug``: the group has them
    and so has every command, where they count more."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value in (None, False):
        return
    if param.name == "debug":
        invocation: Invocation = ctx.obj
        invocation.debug = True
    else:
        ctx.meta[f"{_KEY}{param.name}"] = value


def _option(*names: str, **more: Any) -> Callable[[Command], Command]:
    return click.option(*names, expose_value=False, callback=_remember, is_eager=True, **more)


_OPTIONS = (
    _option(
        "-a",
        "--address",
        metavar="HOST|URL",
        help="The server: host, host:port, [IPv6]:port or a URL.  [env: HOPLITE_ADDRESS; default: "
        "localhost]",
    ),
    _option(
        "-p", "--port", type=int, metavar="N", help="For an address without one.  [default: 5000]"
    ),
    _option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False),
        help="With https: the certificate to trust, or that of its authority.",
    ),
    _option("--json", is_flag=True, help="Print JSON."),
    _option("--debug", is_flag=True, help="Show tracebacks."),
)


def wants_json(ctx: click.Context) -> bool:
    return bool(ctx.meta.get(f"{_KEY}json"))


def connected(ctx: click.Context, **options: Any) -> RemoteJobManager:
    """The server's jobs; nothing is sent yet."""
    import os

    from hoplite.client import RemoteJobManager  # requests is slow to import, for --help

    address = ctx.meta.get(f"{_KEY}address") or os.environ.get("HOPLITE_ADDRESS") or "localhost"
    verify = ctx.meta.get(f"{_KEY}ca_file", True)
    try:
        return RemoteJobManager(
            address, ctx.meta.get(f"{_KEY}port", 5000), verify=verify, **options
        )
    except ValueError as error:
        raise click.UsageError(str(error), ctx) from None

"""The server that a command is for, and the options that say which."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hoplite.cli.program import Invocation

if TYPE_CHECKING:
    from hoplite.client import RemoteJobManager

Command = TypeVar("Command", bound=Callable[..., Any])
Server = TypeVar("Server")
_KEY = "hoplite.cli.client."


def with_connection(command: Command) -> Command:
    """Add ``--address``, ``--port``, ``--ca-file``, ``--json`` and ``--debug``: the group has them
    and so has every command, where they count more."""
    return _with(_OPTIONS, command)


def with_long_connection(command: Command) -> Command:
    """The same without ``--json`` and the short names, which other programs' options have here."""
    return _with(_LONG_OPTIONS, command)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
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


def _address(*short: str) -> Callable[[Command], Command]:
    return _option(
        *short,
        "--address",
        metavar="HOST|URL",
        help="The server: host, host:port, [IPv6]:port or a URL.  [env: HOPLITE_ADDRESS; default: "
        "localhost]",
    )


def _port(*short: str) -> Callable[[Command], Command]:
    return _option(
        *short,
        "--port",
        type=int,
        metavar="N",
        help="For an address without one.  [default: 5000]",
    )


def _ca_file(command: Command) -> Command:
    return _option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False),
        help="With https: the certificate to trust, or that of its authority.",
    )(command)


def _debug(command: Command) -> Command:
    return _option("--debug", is_flag=True, help="Show tracebacks.")(command)


_OPTIONS = (
    _address("-a"),
    _port("-p"),
    _ca_file,
    _option("--json", is_flag=True, help="Print JSON."),
    _debug,
)
_LONG_OPTIONS = (_address(), _port(), _ca_file, _debug)


def wants_json(ctx: click.Context) -> bool:
    return bool(ctx.meta.get(f"{_KEY}json"))


def connected(ctx: click.Context, **options: Any) -> RemoteJobManager:
    """The server's jobs; nothing is sent yet."""
    from hoplite.client import RemoteJobManager  # requests is slow to import, for --help

    return made_for(ctx, RemoteJobManager, **options)


def made_for(ctx: click.Context, kind: Callable[..., Server], **options: Any) -> Server:
    """A client for the server that the options name; ``kind`` takes what a ``ServerConnection``
    does."""
    address = ctx.meta.get(f"{_KEY}address") or os.environ.get("HOPLITE_ADDRESS") or "localhost"
    verify = ctx.meta.get(f"{_KEY}ca_file", True)
    try:
        return kind(address, ctx.meta.get(f"{_KEY}port", 5000), verify=verify, **options)
    except ValueError as error:
        raise click.UsageError(str(error), ctx) from None

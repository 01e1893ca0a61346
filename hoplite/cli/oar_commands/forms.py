"""``-J`` and ``-Y``, and the server that every command has options for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hoplite.cli.client_commands.connection import made_for, with_long_connection

if TYPE_CHECKING:
    from hoplite.client.oar_server import OarServer

Command = TypeVar("Command", bound=Callable[..., Any])


def with_server_and_form(command: Command) -> Command:
    """Add the options; the command gets ``form``: ``json``, ``yaml``, or None for people."""
    for flag, name in (("-Y", "yaml"), ("-J", "json")):
        command = click.option(
            flag,
            f"--{name}",
            "form",
            flag_value=name,
            default=None,
            help=f"Print the server's answer in {name.upper()}.",
        )(command)
    return with_long_connection(command)


def oar_server(ctx: click.Context) -> OarServer:
    """Nothing is sent yet."""
    from hoplite.client.oar_server import OarServer  # requests is slow to import, for --help

    return made_for(ctx, OarServer)


def encoded(value: Any, form: str) -> str:
    """``value`` in JSON or YAML, with a newline at its end."""
    if form == "json":
        import msgspec

        return msgspec.json.encode(value).decode() + "\n"
    import yaml

    return yaml.safe_dump(value, explicit_start=True, allow_unicode=True)


def echo(text: str) -> None:
    """An answer as it came, with a newline at its end."""
    click.echo(text.removesuffix("\n"))

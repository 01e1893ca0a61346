"""``hoplite-client whoami``."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.output import print_json


@click.command()
@with_connection
@click.pass_context
def whoami(ctx: click.Context) -> None:
    """Say whom the server takes you for, and how it knows."""
    with connected(ctx) as manager:
        told = manager.whoami()
    if wants_json(ctx):
        print_json(told)
    else:
        click.echo(f"{told['name']} ({told['role']}, by {told['via']})")

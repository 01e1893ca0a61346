"""``hoplite-client list``."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.output import print_json


@click.command("list")
@with_connection
@click.pass_context
def list_plugins(ctx: click.Context) -> None:
    """List the plugins that jobs can be created of."""
    with connected(ctx) as manager:
        names = manager.get_job_plugins()
    if wants_json(ctx):
        print_json(names)
    else:
        for name in names:
            click.echo(name)

"""``hoplite-client reload``."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.output import print_json


@click.command()
@with_connection
@click.pass_context
def reload(ctx: click.Context) -> None:
    """Have the server pick up packages that were installed, upgraded or removed."""
    with connected(ctx) as manager:
        manager.reload_site_packages()
        names = manager.get_job_plugins()
    if wants_json(ctx):
        print_json(names)
    else:
        click.echo(f"reloaded; plugins: {len(names)}")

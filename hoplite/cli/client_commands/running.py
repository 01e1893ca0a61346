"""``hoplite-client running``."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.output import print_jobs, print_json


@click.command()
@with_connection
@click.pass_context
def running(ctx: click.Context) -> None:
    """List the jobs whose process exists."""
    with connected(ctx) as manager:
        found = manager.get_running_jobs()
    if wants_json(ctx):
        print_json(found)
    else:
        print_jobs(found)

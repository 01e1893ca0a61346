"""``hoplite-client create``."""

from __future__ import annotations

from typing import Any

import click

from hoplite.cli.client_commands.config import config_argument
from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.job_argument import plugin_argument
from hoplite.cli.client_commands.job_options import given, job_options
from hoplite.cli.client_commands.output import print_json


@click.command()
@plugin_argument
@config_argument
@click.option("-s", "--start", is_flag=True, help="Start it, too.")
@job_options
@with_connection
@click.pass_context
def create(
    ctx: click.Context, /, plugin: str, config: dict[str, Any], start: bool, **options: Any
) -> None:
    """Create a job of PLUGIN and print its uuid."""
    with connected(ctx) as manager:
        make = manager.start_job if start else manager.create_job
        job = make(plugin, config, **given(options))
        if wants_json(ctx):
            print_json(job.info())
        else:
            click.echo(job.uuid)

"""``hoplite-client start``."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import with_connection
from hoplite.cli.client_commands.each import for_each
from hoplite.cli.client_commands.job_argument import jobs_argument


@click.command()
@jobs_argument
@with_connection
@click.pass_context
def start(ctx: click.Context, jobs: tuple[str, ...]) -> int:
    """Start jobs that were created and not started."""
    return for_each(ctx, jobs, "started", lambda job: job.start())

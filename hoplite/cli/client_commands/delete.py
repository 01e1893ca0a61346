"""``hoplite-client delete``."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import with_connection
from hoplite.cli.client_commands.each import for_each
from hoplite.cli.client_commands.job_argument import jobs_argument


@click.command()
@jobs_argument
@with_connection
@click.pass_context
def delete(ctx: click.Context, jobs: tuple[str, ...]) -> int:
    """Have the server forget jobs that have ended, with their logs."""
    return for_each(ctx, jobs, "deleted", lambda job: job.delete())

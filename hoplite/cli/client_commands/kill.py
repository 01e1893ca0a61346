"""``hoplite-client kill``."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import with_connection
from hoplite.cli.client_commands.each import for_each
from hoplite.cli.client_commands.job_argument import jobs_argument


@click.command()
@jobs_argument
@with_connection
@click.pass_context
def kill(ctx: click.Context, jobs: tuple[str, ...]) -> int:
    """Kill jobs: SIGTERM to all of their processes, and SIGKILL later to what is left."""
    return for_each(ctx, jobs, "killed", lambda job: job.kill())

"""``hoplite-oar hold``."""

from __future__ import annotations

import click

from hoplite.cli.oar_commands.acting import act_on
from hoplite.cli.oar_commands.forms import with_server_and_form
from hoplite.cli.oar_commands.job_ids import array_option, jobs_argument


@click.command()
@jobs_argument
@array_option
@click.option("-r", "--running", is_flag=True, help="Suspend jobs that run.")
@with_server_and_form
@click.pass_context
def hold(
    ctx: click.Context,
    jobs: tuple[int, ...],
    arrays: tuple[int, ...],
    running: bool,
    form: str | None,
) -> int:
    """Keep waiting jobs from starting until they are resumed."""
    return act_on(ctx, jobs, arrays, "rholds/new" if running else "holds/new", form)

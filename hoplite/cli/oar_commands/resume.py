"""``hoplite-oar resume``."""

from __future__ import annotations

import click

from hoplite.cli.oar_commands.acting import act_on
from hoplite.cli.oar_commands.forms import with_server_and_form
from hoplite.cli.oar_commands.job_ids import array_option, jobs_argument


@click.command()
@jobs_argument
@array_option
@with_server_and_form
@click.pass_context
def resume(
    ctx: click.Context, jobs: tuple[int, ...], arrays: tuple[int, ...], form: str | None
) -> int:
    """Have jobs go on that are on hold or suspended."""
    return act_on(ctx, jobs, arrays, "resumptions/new", form)

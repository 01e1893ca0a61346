"""``hoplite-oar resub``."""

from __future__ import annotations

import click

from hoplite.cli.oar_commands.acting import act_on
from hoplite.cli.oar_commands.forms import with_server_and_form
from hoplite.cli.oar_commands.job_ids import array_option, jobs_argument


@click.command(name="resub")
@jobs_argument
@array_option
@with_server_and_form
@click.pass_context
def resubmit(
    ctx: click.Context, jobs: tuple[int, ...], arrays: tuple[int, ...], form: str | None
) -> int:
    """Submit again what jobs that have ended asked for, under new ids."""
    return act_on(ctx, jobs, arrays, "resubmissions/new", form, once=True)

"""``hoplite-oar del``."""

from __future__ import annotations

import signal

import click

from hoplite.cli.oar_commands.acting import act_on
from hoplite.cli.oar_commands.forms import with_server_and_form
from hoplite.cli.oar_commands.job_ids import array_option, jobs_argument


def _number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Of ``10``, ``USR1`` or ``SIGUSR1``."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return int(value)
    try:
        return signal.Signals["SIG" + value.upper().removeprefix("SIG")].value
    except KeyError:
        raise click.BadParameter(
            f"{value!r} is no signal: give a number, or a name like USR1", ctx, param
        ) from None


@click.command(name="del")
@jobs_argument
@array_option
@click.option(
    "-c",
    "--checkpoint",
    is_flag=True,
    help="Do not delete: send each running job its checkpoint signal.",
)
@click.option(
    "-s",
    "--signal",
    "signum",
    callback=_number,
    metavar="SIGNAL",
    help="Do not delete: send each running job this signal, a number or a name like USR1.",
)
@with_server_and_form
@click.pass_context
def delete(
    ctx: click.Context,
    jobs: tuple[int, ...],
    arrays: tuple[int, ...],
    checkpoint: bool,
    signum: int | None,
    form: str | None,
) -> int:
    """Delete jobs, or send them a signal."""
    if checkpoint and signum is not None:
        raise click.UsageError("-c sends the checkpoint signal: give -c or -s", ctx)
    if checkpoint:
        return act_on(ctx, jobs, arrays, "checkpoints/new", form, once=True)
    if signum is not None:
        return act_on(ctx, jobs, arrays, f"signals/{signum}", form, once=True)
    return act_on(ctx, jobs, arrays, "deletions/new", form)

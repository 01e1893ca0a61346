"""Asking something of several jobs and arrays."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from hoplite.cli.client_commands.output import note
from hoplite.cli.exit_codes import FAILURE, SUCCESS
from hoplite.cli.oar_commands.forms import echo, oar_server
from hoplite.exceptions import ConnectionError, HopliteError

_DONE_UNHEARD = "done; the server's answer got lost"


def act_on(
    ctx: click.Context,
    jobs: Sequence[int],
    arrays: Sequence[int],
    act: str,
    form: str | None,
    *,
    once: bool = False,
) -> int:
    """``act`` as the address has it, like ``holds/new``; the exit code.  A job that is refused does
    not stop the others."""
    if not jobs and not arrays:
        raise click.UsageError("give the ids of jobs, or --array ID", ctx)
    code = SUCCESS
    with oar_server(ctx) as server:
        for path in [f"/jobs/{each}" for each in jobs] + [f"/jobs/array/{each}" for each in arrays]:
            try:
                told = server.act(f"{path}/{act}", form or "json", once=once)
            except ConnectionError:
                raise
            except HopliteError as error:
                code = FAILURE
                note(ctx, f"{path.rpartition('/')[2]}: {error}")
            else:
                echo(told if form else _said(told))
    return code


def _said(told: str) -> str:
    return str(msgspec.json.decode(told)["cmd_output"]) if told else _DONE_UNHEARD

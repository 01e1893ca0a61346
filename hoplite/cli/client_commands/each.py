"""Doing the same to several jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from hoplite.cli.client_commands.connection import connected, wants_json
from hoplite.cli.client_commands.output import note, print_json
from hoplite.cli.exit_codes import FAILURE
from hoplite.exceptions import ConnectionError, HopliteError

if TYPE_CHECKING:
    from hoplite.client import RemoteJob


def for_each(
    ctx: click.Context, refs: Sequence[str], done: str, do: Callable[[RemoteJob], object]
) -> int:
    """``do`` it to each, and say so; the exit code: one that is refused does not stop the others."""
    code = 0
    with connected(ctx) as manager:
        for ref in refs:
            try:
                job = manager.get_job(ref)
                do(job)
            except ConnectionError:
                raise
            except HopliteError as error:
                code = FAILURE
                note(ctx, str(error))
            else:
                _say(ctx, job, done)
    return code


def _say(ctx: click.Context, job: RemoteJob, done: str) -> None:
    if wants_json(ctx):
        print_json({"uuid": job.uuid, done: True})
    else:
        click.echo(f"{done} {job.uuid}")

"""``hoplite-oar sub``."""

from __future__ import annotations

import os
import re
from typing import Any

import click
import msgspec

from hoplite.cli import exit_codes
from hoplite.cli.oar_commands.exit_codes import of_refusal
from hoplite.cli.oar_commands.forms import echo, oar_server, with_server_and_form
from hoplite.cli.oar_commands.script import what_runs
from hoplite.cli.oar_commands.submission_options import given, with_submission_options
from hoplite.cli.oar_commands.waiting import wait_for
from hoplite.cli.program import Invocation
from hoplite.exceptions import HopliteError

_JOB_ID = re.compile(r"OAR_JOB_ID=([0-9]+)")


@click.command()
@click.argument("command", nargs=-1)
@with_submission_options
@click.option(
    "--wait",
    is_flag=True,
    help="Show why it waits and its progress until it has ended, and exit as it did.",
)
@with_server_and_form
@click.pass_context
def sub(
    ctx: click.Context,
    /,
    command: tuple[str, ...],
    wait: bool,
    form: str | None,
    **options: Any,
) -> int:
    """Submit a job that runs COMMAND, which bash reads, or an array of jobs.

    Prints OAR_JOB_ID=ID for each job. Its output is in the files OAR.ID.stdout and OAR.ID.stderr, or
    those of -O and -E. Ctrl-C in --wait ends the waiting; the job goes on.
    """
    if wait and options["dry_run"]:
        raise click.UsageError("with --dry-run there is no job to --wait for", ctx)
    keys = given(options)
    keys |= what_runs(command, keys)
    with oar_server(ctx) as server:
        if server.is_here:
            # As with oarsub; the directories of another machine are not ours.
            keys.setdefault("workdir", os.getcwd())  # noqa: PTH109 - as a text
        told = _submitted(ctx, server.submit, keys, "json" if wait else form or "json")
        if not wait:
            echo(told if form else _said(told))
            return exit_codes.SUCCESS
        click.echo(_said(told), err=form is not None, nl=False)
        invocation: Invocation = ctx.obj
        invocation.failure = exit_codes.HOPLITE_FAILED
        ids = [int(each) for each in _JOB_ID.findall(_said(told))]
        code = wait_for(ctx, server, ids, aside=form is not None)
        if form:
            for each in ids:
                echo(server.text(f"/jobs/{each}", form))
        return code


def _submitted(ctx: click.Context, submit: Any, keys: dict[str, Any], form: str) -> str:
    try:
        return str(submit(keys, form))
    except HopliteError as error:
        invocation: Invocation = ctx.obj
        invocation.failure = of_refusal(error)
        raise


def _said(told: str) -> str:
    return str(msgspec.json.decode(told)["cmd_output"])

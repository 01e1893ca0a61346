"""``hoplite-client log``."""

from __future__ import annotations

from typing import Literal

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.job_argument import job_argument
from hoplite.cli.client_commands.output import print_json


@click.command()
@job_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option(
    "--stream",
    type=click.Choice(["all", "stdout", "stderr"]),
    help="Which; by default all, with -f stdout.",
)
@click.option("-n", "--tail", type=click.IntRange(min=0), metavar="N", help="Only the last lines.")
@with_connection
@click.pass_context
def log(
    ctx: click.Context,
    job: str,
    follow: bool,
    stream: Literal["all", "stdout", "stderr"] | None,
    tail: int | None,
) -> None:
    """Print what a job has printed: standard output, then standard error.

    With -f, of one of them, as it comes. Ctrl-C stops the printing; the job goes on.
    """
    if follow and (stream == "all" or tail is not None):
        raise click.UsageError("-f is for one stream, from its beginning", ctx)
    with connected(ctx) as manager:
        found = manager.get_job(job)
        pieces = (
            found.follow_log("stderr" if stream == "stderr" else "stdout")
            if follow
            else iter([found.log(stream or "all", tail)])
        )
        for piece in pieces:
            if wants_json(ctx):
                print_json({"uuid": found.uuid, "log": piece})
            else:
                click.echo(piece, nl=False)

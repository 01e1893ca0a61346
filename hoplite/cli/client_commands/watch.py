"""``hoplite-client watch``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.job_argument import any_jobs_argument
from hoplite.cli.client_commands.output import job_row, print_json, progress_parts

if TYPE_CHECKING:
    from rich.table import Table

    from hoplite.client import JobInfo, RemoteJob, RemoteJobManager

_LIVING = "Hold,Waiting,toLaunch,Launching,Running,Suspended,Resuming,Finishing"
_BAR_WIDTH = 24


@click.command()
@any_jobs_argument
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@with_connection
@click.pass_context
def watch(ctx: click.Context, jobs: tuple[str, ...], every: float) -> None:
    """Show jobs and their progress as they change: these until they have ended, or all that live.

    A live table on a terminal, else a line for each change. Ctrl-C ends it; the jobs go on.
    """
    with connected(ctx) as manager:
        looks = _looks(manager, [manager.get_job(ref) for ref in jobs], every)
        if sys.stdout.isatty() and not wants_json(ctx):
            _show_table(looks)
        else:
            _print_changes(looks, as_json=wants_json(ctx))


def _looks(
    manager: RemoteJobManager, named: Sequence[RemoteJob], every_s: float
) -> Iterator[list[JobInfo]]:
    """The jobs, again and again."""
    while True:
        if named:
            found = [job.info(force=not job.info()["finished"]) for job in named]
        else:
            found = list(manager.jobs(state=_LIVING))
        yield found
        if named and all(job["finished"] for job in found):
            return
        time.sleep(every_s)


def _print_changes(looks: Iterator[list[JobInfo]], *, as_json: bool) -> None:
    shown: dict[str, Sequence[str]] = {}
    for found in looks:
        for job in found:
            row = job_row(job)
            if shown.get(job["uuid"]) == row:
                continue
            shown[job["uuid"]] = row
            if as_json:
                print_json(job)
            else:
                click.echo("  ".join(row))


def _show_table(looks: Iterator[list[JobInfo]]) -> None:
    from rich.live import Live

    with Live(auto_refresh=False) as live:
        for found in looks:
            live.update(_table(found), refresh=True)


def _table(found: Sequence[JobInfo]) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table("ID", "PLUGIN", "STATE", "OUTCOME", "OWNER", "PROGRESS", "", box=None)
    for job in found:
        parts = progress_parts(job.get("progress"))
        bar = (
            Text("")
            if parts is None
            else ProgressBar(total=parts[1], completed=parts[0], width=_BAR_WIDTH)
        )
        words = "" if parts is None else f"{parts[0] / parts[1]:.0%} {parts[2]}"
        facts = (str(job["id"]), job["name"], job["state"], job["outcome"] or "", job["owner"])
        # Text, because what others named is no markup.
        table.add_row(*map(Text, facts), bar, Text(words))
    return table

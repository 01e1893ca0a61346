"""``hoplite-client events``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.output import print_json
from hoplite.cli.table import time_text

if TYPE_CHECKING:
    from hoplite.client import Event


@click.command()
@click.argument("job", metavar="[JOB]", required=False)
@click.option("--after", type=click.IntRange(min=0), metavar="ID", help="Only events after that.")
@with_connection
@click.pass_context
def events(ctx: click.Context, job: str | None, after: int | None) -> None:
    """Print what happens, as it happens.

    Of a job, from its creation until it has ended; else of all jobs and resources, from now on, until
    Ctrl-C.
    """
    with connected(ctx) as manager:
        stream = manager.events(after) if job is None else manager.get_job(job).events(after)
        with stream:
            for event in stream:
                if wants_json(ctx):
                    print_json(event)
                else:
                    click.echo(_line(event))


def _line(event: Event) -> str:
    import msgspec

    job = "-" if event.job_id is None else str(event.job_id)
    detail = "" if event.detail is None else msgspec.json.encode(event.detail).decode()
    when = time_text(event.time.timestamp())
    return f"{event.id}  {when}  {job}  {event.event}  {event.who}  {detail}".rstrip()

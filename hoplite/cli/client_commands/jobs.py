"""``hoplite-client jobs``."""

from __future__ import annotations

from itertools import islice

import click

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.output import print_jobs, print_json


@click.command()
@click.option(
    "--state", multiple=True, metavar="STATE", help="Like Running or Error.  May be repeated."
)
@click.option("--plugin", metavar="NAME", help="Only jobs of this plugin.")
@click.option("--owner", metavar="USER", help="Only jobs of this user.")
@click.option("--since", metavar="TIME", help="Created then or later, like 2030-12-31T08:00:00Z.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="How many at most.",
)
@with_connection
@click.pass_context
def jobs(
    ctx: click.Context,
    state: tuple[str, ...],
    plugin: str | None,
    owner: str | None,
    since: str | None,
    limit: int,
) -> None:
    """List the jobs that are kept, the newest first."""
    with connected(ctx) as manager:
        kept = manager.jobs(state=state or None, plugin=plugin, owner=owner, since=_moment(since))
        found = list(islice(kept, limit))
    if wants_json(ctx):
        print_json(found)
    else:
        print_jobs(found)


def _moment(text: str | None) -> float | None:
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time: give something like 2030-12-31 or 2030-12-31T08:00:00Z",
            param_hint="--since",
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

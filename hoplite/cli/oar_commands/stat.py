"""``hoplite-oar stat``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from hoplite.cli.client_commands.output import note
from hoplite.cli.exit_codes import FAILURE, SUCCESS
from hoplite.cli.oar_commands.forms import echo, encoded, oar_server, with_server_and_form
from hoplite.cli.oar_commands.full_job import full_text
from hoplite.cli.oar_commands.job_ids import JOB_ID
from hoplite.cli.table import show_table, time_text

if TYPE_CHECKING:
    from hoplite.client.oar_server import OarServer

_HEAD = ("JOB", "NAME", "USER", "SUBMITTED", "STATE", "QUEUE")
_ALL = 0


@click.command()
@click.option(
    "-j",
    "--job",
    "jobs",
    multiple=True,
    type=JOB_ID,
    metavar="ID",
    help="This job, whatever its state.  May be repeated.",
)
@click.option("-f", "--full", is_flag=True, help="All that is known of them.")
@click.option("-s", "--state", is_flag=True, help="Only their states.")
@click.option(
    "-u",
    "--user",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[USER]",
    help="Jobs of this user; without a name, your own.",
)
@click.option(
    "--array", type=JOB_ID, metavar="ID", help="The jobs of this array: the id of its first job."
)
@with_server_and_form
@click.pass_context
def stat(
    ctx: click.Context,
    /,
    jobs: tuple[int, ...],
    user: str | None,
    array: int | None,
    full: bool,
    state: bool,
    form: str | None,
) -> int:
    """Show the jobs that have not ended, or those that the options name."""
    with oar_server(ctx) as server:
        query = _query(server, jobs, user, array)
        if form and not state:
            echo(_answer(server, jobs, query, full, form))
            found = _listed(server, query) if len(query) > 2 or len(jobs) > 1 else None
            return SUCCESS if found is None else _missing(ctx, jobs, found)
        found = _listed(server, query, "/jobs/details" if full and not state else "/jobs")
    if state:
        _print_states(found, form)
    elif full:
        for job in found:
            click.echo(full_text(job))
    else:
        show_table(_HEAD, [_row(job) for job in found])
    return _missing(ctx, jobs, found)


def _query(
    server: OarServer, jobs: Sequence[int], user: str | None, array: int | None
) -> dict[str, str | int]:
    query: dict[str, str | int] = {"limit": _ALL}
    if jobs:
        query["ids"] = ":".join(map(str, jobs))
    if user is not None:
        query["user"] = user or server.whoami()
    if array is not None:
        query["array"] = array
    return query


def _answer(
    server: OarServer, jobs: Sequence[int], query: dict[str, str | int], full: bool, form: str
) -> str:
    """As the table of equivalences in OAR's document has it."""
    if len(jobs) == 1 and len(query) == 2:
        return server.text(f"/jobs/{jobs[0]}" + ("/details" if full else ""), form)
    return server.text("/jobs/details", form, **query)


def _listed(
    server: OarServer, query: dict[str, str | int], path: str = "/jobs"
) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = server.get(path, **query)["items"]
    return items


def _missing(ctx: click.Context, jobs: Iterable[int], found: Iterable[dict[str, Any]]) -> int:
    """Say which of the jobs that were asked for are not there; the exit code."""
    known = {job["id"] for job in found}
    missing = [job for job in dict.fromkeys(jobs) if job not in known]
    for job in missing:
        note(ctx, f"{job}: there is no such job of what was asked for")
    return FAILURE if missing else SUCCESS


def _print_states(found: Sequence[dict[str, Any]], form: str | None) -> None:
    if form:
        click.echo(encoded({str(job["id"]): job["state"] for job in found}, form), nl=False)
        return
    for job in found:
        click.echo(f"{job['id']}: {job['state']}")


def _row(job: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(job["id"]),
        job["name"] or "-",
        job["owner"],
        time_text(job["submission"]),
        job["state"],
        job["queue"],
    )

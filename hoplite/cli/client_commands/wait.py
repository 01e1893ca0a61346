"""``hoplite-client wait``."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import click

from hoplite.cli import exit_codes
from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.job_argument import jobs_argument
from hoplite.cli.client_commands.output import ending_text, note, print_json
from hoplite.cli.program import Invocation
from hoplite.exceptions import JobFailedError, TimeoutError

if TYPE_CHECKING:
    from hoplite.client import JobInfo, RemoteJob


@click.command()
@jobs_argument
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after that."
)
@with_connection
@click.pass_context
def wait(ctx: click.Context, jobs: tuple[str, ...], timeout: float | None) -> int:
    """Wait until the jobs have ended, and exit as the first of them that did not succeed.

    Exits with its exit code; 124 if it, or --timeout, ran out of time; 125 if it got lost or the
    server cannot be asked. Ctrl-C ends the waiting; the jobs go on.
    """
    invocation: Invocation = ctx.obj
    invocation.failure = exit_codes.HOPLITE_FAILED
    deadline = None if timeout is None else time.monotonic() + timeout
    code = exit_codes.SUCCESS
    with connected(ctx) as manager:
        for job in [manager.get_job(ref) for ref in jobs]:
            try:
                told = _ended(job, deadline)
            except TimeoutError as error:
                note(ctx, f"{error}: it goes on")
                return exit_codes.TIMED_OUT
            code = code or exit_codes.of_job(told)
            if wants_json(ctx):
                print_json(told)
            else:
                click.echo(ending_text(told))
    return code


def _ended(job: RemoteJob, deadline: float | None) -> JobInfo:
    left = -1 if deadline is None else max(0.0, deadline - time.monotonic())
    with contextlib.suppress(JobFailedError):
        job.join(left)
    return job.info()

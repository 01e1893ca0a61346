"""``sub --wait``: following a new job, or the jobs of an array, to their ends."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hoplite.cli import exit_codes
from hoplite.cli.client_commands.display import Display, display
from hoplite.cli.client_commands.following import Following
from hoplite.cli.client_commands.interruption import exit_code_of, sigterm_interrupts
from hoplite.cli.client_commands.output import ending_text
from hoplite.exceptions import JobFailedError

if TYPE_CHECKING:
    from hoplite.client.oar_server import OarServer


def wait_for(ctx: click.Context, server: OarServer, jobs: Sequence[int], *, aside: bool) -> int:
    """The exit code: that of the first job that did not succeed.  Ctrl-C ends the waiting alone.

    Of one job its progress is shown, and what is in its log (that of commands goes to their files);
    of an array how many have ended.
    """
    shown = display(str(ctx.find_root().info_name), aside=aside)
    with sigterm_interrupts(), contextlib.closing(shown):
        try:
            if len(jobs) == 1:
                return _followed(server, jobs[0], shown)
            return _all_ended(server, jobs, shown)
        except KeyboardInterrupt as interruption:
            names = "job" if len(jobs) == 1 else "array"
            shown.note(f"{names} {jobs[0]} goes on")
            return exit_code_of(interruption)


def _followed(server: OarServer, job_id: int, shown: Display) -> int:
    info = Following(server.job(job_id), shown).until_it_ends()
    if info["outcome"] != "succeeded":
        shown.note(ending_text(info))
    return exit_codes.of_job(info)


def _all_ended(server: OarServer, jobs: Sequence[int], shown: Display) -> int:
    code = exit_codes.SUCCESS
    for done, job_id in enumerate(jobs, 1):
        job = server.job(job_id)
        with contextlib.suppress(JobFailedError):
            job.join()
        info = job.info()
        if info["outcome"] != "succeeded":
            shown.note(ending_text(info))
        code = code or exit_codes.of_job(info)
        shown.progress({"done": done, "total": len(jobs), "text": "jobs have ended"})
    return code

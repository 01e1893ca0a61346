"""``hoplite-client run``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from hoplite.cli import exit_codes
from hoplite.cli.client_commands.config import config_argument
from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.display import Display, display
from hoplite.cli.client_commands.following import Following
from hoplite.cli.client_commands.interruption import choice, exit_code_of, sigterm_interrupts
from hoplite.cli.client_commands.job_argument import plugin_argument
from hoplite.cli.client_commands.job_options import given, job_options
from hoplite.cli.client_commands.output import ending_text, print_json
from hoplite.cli.program import Invocation
from hoplite.exceptions import JobNotStartedError

if TYPE_CHECKING:
    from hoplite.client import RemoteJob


@click.command()
@plugin_argument
@config_argument
@click.option(
    "--detach-on-interrupt",
    is_flag=True,
    help="On Ctrl-C or SIGTERM let the job go on, without asking.",
)
@job_options
@with_connection
@click.pass_context
def run(
    ctx: click.Context,
    /,
    plugin: str,
    config: dict[str, Any],
    detach_on_interrupt: bool,
    **options: Any,
) -> int:
    """Run a job of PLUGIN, show its output and progress, and exit as it did.

    Exits with the job's own exit code; 128 + n if it died of signal n or was killed; 124 if it ran into
    its time limit; 125 if it got lost, or could not be run or followed.

    Ctrl-C asks whether to kill the job or to let it go on; without a terminal, and on SIGTERM, it is
    killed. With --json the job's output goes to standard error, and the job itself to standard output.
    """
    invocation: Invocation = ctx.obj
    invocation.failure = exit_codes.HOPLITE_FAILED
    with sigterm_interrupts(), connected(ctx) as manager:
        job = manager.create_job(plugin, config, **given(options))
        shown = display(str(ctx.find_root().info_name), aside=wants_json(ctx))
        with contextlib.closing(shown):
            code = _Run(job, shown, detach=detach_on_interrupt).exit_code()
        if wants_json(ctx):
            print_json(job.info())
    return code


class _Run:
    """One job from its start to its end, or to the user's."""

    def __init__(self, job: RemoteJob, shown: Display, *, detach: bool) -> None:
        self._job = job
        self._id = job.info()["id"]
        self._display = shown
        self._detach = detach
        self._following: Following | None = None

    def exit_code(self) -> int:
        go_on = self._begin
        while True:
            try:
                return go_on()
            except KeyboardInterrupt as interruption:
                wish = self._wish(interruption)
                if wish != "follow" or self._following is None:
                    self._leave(wish)
                    return exit_code_of(interruption)
                go_on = self._go_on

    def _begin(self) -> int:
        self._job.start()
        self._following = Following(self._job, self._display)
        return self._followed(self._following)

    def _go_on(self) -> int:
        assert self._following is not None
        self._display.note(f"following job {self._id}")
        return self._followed(self._following)

    def _followed(self, following: Following) -> int:
        info = following.until_it_ends()
        if info["outcome"] != "succeeded":
            self._display.note(ending_text(info))
        return exit_codes.of_job(info)

    def _wish(self, interruption: KeyboardInterrupt) -> str:
        if self._detach:
            return "detach"
        with self._display.held():
            return choice(interruption, self._id)

    def _leave(self, wish: str) -> None:
        if wish == "detach":
            self._display.note(f"job {self._id} goes on")
        else:
            self._kill()

    def _kill(self) -> None:
        self._display.note(f"killing job {self._id}")
        try:
            self._job.kill()
        except JobNotStartedError:
            self._job.delete()
            return
        try:
            if self._following is not None:
                self._followed(self._following)
        except KeyboardInterrupt:
            self._display.note(f"job {self._id} is being killed; nobody waits for its end")

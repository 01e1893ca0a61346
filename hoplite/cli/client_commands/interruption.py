"""Ctrl-C and SIGTERM while a job is followed."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import click

from hoplite.cli import exit_codes


class Terminated(KeyboardInterrupt):
    """SIGTERM: whoever runs this program gives it up."""


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Within it SIGTERM is heard as Ctrl-C is."""

    def hear(signum: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code_of(interruption: KeyboardInterrupt) -> int:
    """As if the signal had ended the program."""
    terminated = isinstance(interruption, Terminated)
    return exit_codes.TERMINATED if terminated else exit_codes.INTERRUPTED


def choice(interruption: KeyboardInterrupt, job_id: int) -> str:
    """``kill``, ``detach`` or ``follow``, as the user says; without a terminal, ``kill``."""
    if isinstance(interruption, Terminated) or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "kill"
    try:
        answer = click.prompt(
            f"\nJob {job_id}: kill it, detach and let it go on, or follow on?",
            type=click.Choice(["kill", "detach", "follow"]),
            default="kill",
            err=True,
        )
    except click.Abort:
        # Another Ctrl-C: away from here, and nothing that was not said.
        return "detach"
    return str(answer)

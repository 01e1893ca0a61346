"""``hoplite-server check``."""

from __future__ import annotations

from typing import Any

import click

from hoplite.cli.program import FAILURE, Invocation
from hoplite.cli.setting_options import loaded, setting_options
from hoplite.exceptions import SettingError
from hoplite.settings.contradictions import refuse_contradictions
from hoplite.settings.sources import Loaded


@click.command()
@setting_options()
@click.pass_context
def check(ctx: click.Context, /, **given: Any) -> None:
    """Say whether the configuration and the data directory are sound, a line for each check.

    The exit code is 0 if all are, else 1. It can be asked while a server is running.
    """
    invocation: Invocation = ctx.obj
    try:
        found = loaded(invocation, given)
    except SettingError as error:
        _say("configuration", False, error.message)
        ctx.exit(FAILURE)
    sound = _configuration(found)

    from hoplite.cli.soundness import findings  # noqa: PLC0415 - argon2 and sqlite3, not for --help

    for finding in findings(found.settings):
        _say(finding.what, finding.ok, finding.text)
        sound &= finding.ok
    ctx.exit(0 if sound else FAILURE)


def _configuration(found: Loaded) -> bool:
    try:
        refuse_contradictions(found.settings)
    except SettingError as error:
        _say("configuration", False, error.message)
        return False
    source = f"from {found.config_file}" if found.config_file else "no file"
    _say("configuration", True, f"{source}, {len(found.origins)} settings given")
    return True


def _say(what: str, ok: bool, text: str) -> None:
    click.echo(f"{'ok     ' if ok else 'problem'}  {what}: {' '.join(text.split())}")

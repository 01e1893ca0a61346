"""``hoplite-server settings``."""

from __future__ import annotations

from typing import Any

import click

from hoplite.cli.program import Invocation
from hoplite.cli.setting_options import loaded, setting_options
from hoplite.cli.table import print_table
from hoplite.settings.contradictions import refuse_contradictions
from hoplite.settings.described import describe, value_text


@click.command()
@setting_options()
@click.pass_obj
def settings(invocation: Invocation, /, **given: Any) -> None:
    """Print every setting, its value, and where the value came from."""
    found = loaded(invocation, given)
    print_table(
        ("SETTING", "VALUE", "FROM"),
        [
            (
                setting.name,
                value_text(setting, getattr(found.settings, setting.name)),
                found.origins.get(setting.name, "default"),
            )
            for setting in describe()
        ],
    )
    refuse_contradictions(found.settings)

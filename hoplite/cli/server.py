"""``hoplite-server``: run the server, and look after what it needs."""

from __future__ import annotations

from typing import Any

import click

from hoplite.cli.program import Invocation, Program
from hoplite.cli.server_commands.check import check
from hoplite.cli.server_commands.settings import settings
from hoplite.cli.server_commands.token import token
from hoplite.cli.server_commands.user import user
from hoplite.cli.setting_options import checked, remember, setting_options
from hoplite.cli.version import version_option
from hoplite.settings.sources import Loaded


@click.group(
    cls=Program,
    name="hoplite-server",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@setting_options()
@version_option
@click.pass_context
def server(ctx: click.Context, /, **given: Any) -> None:
    """Run the Hoplite server, or one of the commands below.

    Settings come from the options, then from HOPLITE_* variables, then from a TOML file. Sizes are
    written like 16MiB, times like 30s or 10min.
    """
    invocation: Invocation = ctx.obj
    if ctx.invoked_subcommand is None:
        serve(checked(invocation, given))
    else:
        remember(invocation, given)


def serve(loaded: Loaded) -> None:
    """Serve until told to stop."""
    from hoplite.api.run import run  # noqa: PLC0415 - Flask is slow to import for --help

    run(loaded)


for command in (check, settings, token, user):
    server.add_command(command)


def main() -> None:
    """The console script."""
    server(prog_name="hoplite-server")


if __name__ == "__main__":
    main()

"""``hoplite-oar``: OAR's commands, over the REST API."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hoplite.cli.client_commands.connection import with_long_connection
from hoplite.cli.oar_commands.aliases import ALIASES
from hoplite.cli.oar_commands.delete import delete
from hoplite.cli.oar_commands.hold import hold
from hoplite.cli.oar_commands.install_aliases import install_aliases
from hoplite.cli.oar_commands.nodes import nodes
from hoplite.cli.oar_commands.resubmit import resubmit
from hoplite.cli.oar_commands.resume import resume
from hoplite.cli.oar_commands.stat import stat
from hoplite.cli.oar_commands.sub import sub
from hoplite.cli.program import Program
from hoplite.cli.version import version_option


@click.group(
    cls=Program,
    name="hoplite-oar",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@with_long_connection
@version_option
def oar() -> None:
    """What oarsub, oarstat and the others do, on a Hoplite server.

    Who you are: the kernel says so on the server's own machine; elsewhere HOPLITE_TOKEN, a netrc
    entry, or the client's file do.
    """


for command in (stat, sub, delete, nodes, hold, resume, resubmit, install_aliases):
    oar.add_command(command)


def main() -> None:
    """The console script, also under OAR's own names."""
    alias = ALIASES.get(Path(sys.argv[0]).name)
    arguments = sys.argv[1:] if alias is None else [alias, *sys.argv[1:]]
    oar(arguments, prog_name="hoplite-oar")


if __name__ == "__main__":
    main()

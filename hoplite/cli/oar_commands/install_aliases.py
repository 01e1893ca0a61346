"""``hoplite-oar install-aliases``: the commands by OAR's own names."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hoplite.cli.oar_commands.aliases import ALIASES
from hoplite.exceptions import HopliteError


@click.command(name="install-aliases")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def install_aliases(directory: Path) -> None:
    """Put oarstat, oardel, oarnodes, oarsub, oarhold and oarresume into DIRECTORY.

    They are links to hoplite-oar. What is there already is left as it is, and then none is made.
    """
    program = Path(sys.executable).with_name("hoplite-oar")
    if not program.exists():
        raise HopliteError(f"{program} is not there: install hoplite with pip first")
    links = [directory / name for name in ALIASES]
    for link in links:
        if (link.is_symlink() or link.exists()) and not _is_ours(link, program):
            raise HopliteError(
                f"{link} is there already and is something else: remove it, or choose another "
                "directory"
            )
    for link in links:
        if not _is_ours(link, program):
            link.symlink_to(program)
        click.echo(link)


def _is_ours(link: Path, program: Path) -> bool:
    return link.is_symlink() and link.readlink() == program

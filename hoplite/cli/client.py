"""``hoplite-client``: run jobs on a server, and look after them."""

from __future__ import annotations

import click

from hoplite.cli.client_commands.connection import with_connection
from hoplite.cli.client_commands.create import create
from hoplite.cli.client_commands.delete import delete
from hoplite.cli.client_commands.events import events
from hoplite.cli.client_commands.info import info
from hoplite.cli.client_commands.jobs import jobs
from hoplite.cli.client_commands.kill import kill
from hoplite.cli.client_commands.list import list_plugins
from hoplite.cli.client_commands.log import log
from hoplite.cli.client_commands.reload import reload
from hoplite.cli.client_commands.run import run
from hoplite.cli.client_commands.running import running
from hoplite.cli.client_commands.start import start
from hoplite.cli.client_commands.wait import wait
from hoplite.cli.client_commands.watch import watch
from hoplite.cli.client_commands.whoami import whoami
from hoplite.cli.completion import completion
from hoplite.cli.program import Program
from hoplite.cli.version import version_option


@click.group(
    cls=Program,
    name="hoplite-client",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@with_connection
@version_option
def client() -> None:
    """Run jobs on a Hoplite server.

    The options may be given before or after the command. JOB is a job's id or uuid. Who you are: the
    kernel says so on the server's own machine; elsewhere HOPLITE_TOKEN, a netrc entry, or the client's
    file do.
    """


for command in (
    run,
    create,
    start,
    wait,
    info,
    log,
    watch,
    events,
    kill,
    delete,
    jobs,
    running,
    list_plugins,
    reload,
    whoami,
    completion,
):
    client.add_command(command)


def main() -> None:
    """The console script."""
    client(prog_name="hoplite-client")


if __name__ == "__main__":
    main()

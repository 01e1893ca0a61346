"""``hoplite-auto-start``: have the server run whenever this user is logged in."""

from __future__ import annotations

import click

from hoplite.cli.program import Invocation, Program
from hoplite.cli.services import Service, service_here
from hoplite.cli.version import version_option


@click.group(
    cls=Program,
    name="hoplite-auto-start",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("-d", "--disable", is_flag=True, help="Undo it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@version_option
@click.pass_obj
def auto_start(invocation: Invocation, disable: bool, dry_run: bool, debug: bool) -> None:
    """Have hoplite-server start with your session, and start it now.

    A systemd user unit on Linux, a launchd agent on macOS, a file in the start-up folder on Windows.
    Its settings are those of the settings file and the defaults: see hoplite-server settings.
    """
    invocation.debug = invocation.debug or debug
    service = service_here()
    if disable:
        _disable(service, dry_run=dry_run)
    else:
        _enable(service, dry_run=dry_run)


def _enable(service: Service, *, dry_run: bool) -> None:
    click.echo(f"write {service.path}:")
    click.echo("".join(f"    {line}\n" for line in service.text.splitlines()), nl=False)
    if not dry_run:
        service.write()
    _run(service, service.enable, dry_run=dry_run)
    for hint in service.hints:
        click.echo(hint)


def _disable(service: Service, *, dry_run: bool) -> None:
    if not service.path.exists():
        click.echo(f"{service.path} is not there: nothing to disable")
        return
    _run(service, service.disable, dry_run=dry_run)
    click.echo(f"remove {service.path}")
    if not dry_run:
        service.path.unlink()
    _run(service, service.after_removal, dry_run=dry_run)


def _run(service: Service, commands: tuple[tuple[str, ...], ...], *, dry_run: bool) -> None:
    for command in commands:
        click.echo(f"run {' '.join(command)}")
        if not dry_run:
            service.run(command)


def main() -> None:
    """The console script."""
    auto_start(prog_name="hoplite-auto-start")


if __name__ == "__main__":
    main()

"""``completion``: for the shells that click knows."""

from __future__ import annotations

import click

_SHELLS = ("bash", "fish", "zsh")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete the commands, options, plugins and jobs.

    Bash: eval "$(hoplite-client completion bash)" in ~/.bashrc. zsh alike. fish: hoplite-client
    completion fish > ~/.config/fish/completions/hoplite-client.fish
    """
    from click.shell_completion import get_completion_class

    root = ctx.find_root()
    name = str(root.info_name)
    variable = f"_{name.replace('-', '_')}_complete".upper()
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(root.command, {}, name, variable).source())

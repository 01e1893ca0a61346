"""``hoplite-server user``."""

from __future__ import annotations

import sys
from typing import Any

import click

from hoplite.cli.program import Invocation
from hoplite.cli.server_commands.account_store import open_accounts
from hoplite.cli.setting_options import setting_options
from hoplite.cli.table import print_table, time_text
from hoplite.model.caller import Role

_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)


@click.group()
def user() -> None:
    """Users for the authentication mode "users"."""


@user.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.USER.value,
    show_default=True,
    help="admin: all rights; user: own jobs; reader: may look, not submit.",
)
@_password_option
@setting_options("data_dir")
@click.pass_obj
def add(
    invocation: Invocation, /, name: str, role: str, password_stdin: bool, **given: Any
) -> None:
    """Add a user; the password is asked for."""
    with open_accounts(invocation, given) as accounts:
        accounts.add_user(name, role, _password(name, from_stdin=password_stdin))
    click.echo(f"added user {name} ({role})")


@user.command("passwd")
@click.argument("name")
@_password_option
@setting_options("data_dir")
@click.pass_obj
def passwd(invocation: Invocation, /, name: str, password_stdin: bool, **given: Any) -> None:
    """Change a user's password; the user's tokens stay."""
    with open_accounts(invocation, given) as accounts:
        accounts.set_password(name, _password(name, from_stdin=password_stdin))
    click.echo(f"changed the password of {name}")


@user.command("remove")
@click.argument("name")
@setting_options("data_dir")
@click.pass_obj
def remove(invocation: Invocation, /, name: str, **given: Any) -> None:
    """Remove a user and the user's tokens, at once also in a running server."""
    with open_accounts(invocation, given) as accounts:
        accounts.remove_user(name)
    click.echo(f"removed user {name}")


@user.command("list")
@setting_options("data_dir")
@click.pass_obj
def list_users(invocation: Invocation, /, **given: Any) -> None:
    """List the users."""
    with open_accounts(invocation, given) as accounts:
        rows = [
            (each.name, each.role.value, time_text(each.created_at)) for each in accounts.users()
        ]
    print_table(("NAME", "ROLE", "CREATED"), rows)


def _password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for the password: --password-stdin")
    answer: str = click.prompt(
        f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return answer

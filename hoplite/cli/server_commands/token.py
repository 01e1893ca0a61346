"""``hoplite-server token``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import click

from hoplite.cli.program import Invocation
from hoplite.cli.server_commands.account_store import open_accounts
from hoplite.cli.setting_options import setting_options
from hoplite.cli.table import print_table, time_text
from hoplite.settings import units


def _expiry(ctx: click.Context, param: click.Parameter, text: str) -> float | None:
    """Seconds since 1970 from ``30d`` (from now) or a date; None from ``never``."""
    if text == "never":
        return None
    try:
        return _moment(text) if "-" in text else time.time() + _span(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is none of 30d, 12h, never, 2030-12-31", ctx, param
        ) from None


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _span(text: str) -> float:
    # A bare number would be a year to one reader and seconds to another.
    if text.strip().isdecimal():
        raise ValueError(text)
    return units.duration(text)


@click.group()
def token() -> None:
    """Tokens, with which programs act as a user (Authorization: Bearer …)."""


@token.command("create")
@click.option("--user", required=True, metavar="NAME", help="Whose rights it gives.")
@click.option(
    "--expires",
    callback=_expiry,
    default="90d",
    show_default=True,
    metavar="30d|never|DATE",
    help="When it ends; a date is UTC unless it says otherwise.",
)
@click.option("--label", default="", help="What it is for.")
@setting_options("data_dir")
@click.pass_obj
def create(
    invocation: Invocation, /, user: str, expires: float | None, label: str, **given: Any
) -> None:
    """Make a token. It is printed alone on standard output, and can not be shown again."""
    with open_accounts(invocation, given) as accounts:
        made = accounts.create_token(user, expires, label)
    until = "never expires" if expires is None else f"valid until {time_text(expires)}"
    click.echo(f"token {made.token.id} of {user}, {until}; keep it:", err=True)
    click.echo(made.text)


@token.command("list")
@setting_options("data_dir")
@click.pass_obj
def list_tokens(invocation: Invocation, /, **given: Any) -> None:
    """List the tokens, without their secrets."""
    with open_accounts(invocation, given) as accounts:
        found = accounts.tokens()
    print_table(
        ("ID", "USER", "CREATED", "EXPIRES", "LAST_USED", "LABEL"),
        [
            (
                str(each.id),
                each.user,
                time_text(each.created_at),
                time_text(each.expires_at, none="never"),
                time_text(each.last_used_at),
                each.label,
            )
            for each in found
        ],
    )


@token.command("revoke")
@click.argument("token_id", metavar="ID", type=int)
@setting_options("data_dir")
@click.pass_obj
def revoke(invocation: Invocation, /, token_id: int, **given: Any) -> None:
    """Revoke a token, at once also in a running server."""
    with open_accounts(invocation, given) as accounts:
        accounts.revoke_token(token_id)
    click.echo(f"revoked token {token_id}")

"""``hoplite-oar nodes``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from hoplite.cli.oar_commands.forms import echo, encoded, oar_server, with_server_and_form
from hoplite.cli.table import show_table

if TYPE_CHECKING:
    from hoplite.client.oar_server import OarServer

_HEAD = ("RESOURCE", "NODE", "STATE")
_LEFT_OUT = frozenset({"links", "uri", "node_uri", "jobs_uri", "api_timestamp", "resource_id"})


@click.command()
@click.argument("node", required=False)
@click.option(
    "-r",
    "--resource",
    type=click.IntRange(min=1),
    metavar="ID",
    help="This resource, with all of its properties.",
)
@click.option("-f", "--full", is_flag=True, help="With all of their properties.")
@click.option("-s", "--state", is_flag=True, help="Only their states.")
@click.option("-l", "--list", "names", is_flag=True, help="Only the names of the nodes.")
@with_server_and_form
@click.pass_context
def nodes(
    ctx: click.Context,
    /,
    node: str | None,
    resource: int | None,
    full: bool,
    state: bool,
    names: bool,
    form: str | None,
) -> None:
    """Show the resources, or those of NODE."""
    if resource is not None and node is not None:
        raise click.UsageError("give NODE or -r", ctx)
    path, query = _place(node, resource, full or form is not None)
    with oar_server(ctx) as server:
        if form and not state and not names:
            echo(server.text(path, form, **query))
            return
        found = _found(server, path, query)
        if node is not None and full:
            ids = {each["id"] for each in found}
            found = _found(server, "/resources/details", {"limit": 0})
            found = [each for each in found if each["id"] in ids]
    if names:
        _print(list(dict.fromkeys(each["network_address"] for each in found)), form)
    elif state:
        _print({str(each["id"]): each["state"] for each in found}, form)
    elif full or resource is not None:
        click.echo("\n".join(map(_full_text, found)))
    else:
        show_table(_HEAD, [_row(each) for each in found])


def _place(node: str | None, resource: int | None, full: bool) -> tuple[str, dict[str, str | int]]:
    if resource is not None:
        return f"/resources/{resource}", {}
    if node is not None:
        return f"/resources/nodes/{quote(node, safe='')}", {}
    return ("/resources/details" if full else "/resources"), {"limit": 0}


def _found(server: OarServer, path: str, query: dict[str, str | int]) -> list[dict[str, Any]]:
    told = server.get(path, **query)
    items: list[dict[str, Any]] = told.get("items", [told])
    return items


def _print(told: dict[str, str] | list[str], form: str | None) -> None:
    if form:
        click.echo(encoded(told, form), nl=False)
        return
    for each in told:
        click.echo(f"{each}: {told[each]}" if isinstance(told, dict) else each)


def _row(resource: dict[str, Any]) -> Sequence[str]:
    return str(resource["id"]), resource["network_address"], resource["state"]


def _full_text(resource: dict[str, Any]) -> str:
    lines = [f"resource_id: {resource['id']}"]
    lines += [
        f"    {name} = {'' if value is None else value}"
        for name, value in resource.items()
        if name not in _LEFT_OUT and name != "id"
    ]
    return "\n".join(lines)

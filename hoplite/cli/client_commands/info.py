"""``hoplite-client info``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from hoplite.cli.client_commands.connection import connected, wants_json, with_connection
from hoplite.cli.client_commands.job_argument import job_argument
from hoplite.cli.client_commands.output import print_json

_TWICE = frozenset({"plugin_name", "running", "finished", "killed", "progress"})
"""What other keys say as well."""


@click.command()
@job_argument
@with_connection
@click.pass_context
def info(ctx: click.Context, job: str) -> None:
    """Print all that the server tells of a job."""
    with connected(ctx) as manager:
        told = manager.get_job(job).info()
    if wants_json(ctx):
        print_json(told)
        return
    for key, value in told.items():
        if key not in _TWICE and value is not None:
            click.echo(f"{key}: {_text(value)}")
    traceback = _traceback(told)
    if traceback:
        click.echo(traceback.rstrip())


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and "exception" in value:
        value = {**value, "exception": _short(value["exception"])}
    return msgspec.json.encode(value).decode()


def _short(record: object) -> object:
    return f"{record.get('type')}: {record.get('message')}" if isinstance(record, dict) else record


def _traceback(told: Mapping[str, Any]) -> str:
    record = (told["status"] or {}).get("exception")
    traceback = record.get("traceback") if isinstance(record, dict) else None
    text = traceback.get("text") if isinstance(traceback, dict) else None
    return text if isinstance(text, str) else ""

"""The argument CONFIG: what a new job is given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec


def _config(ctx: click.Context, param: click.Parameter, value: str) -> dict[str, Any]:
    """From JSON, ``@FILE``, ``-`` for standard input, or, as in Hoplite 15, the path of a file."""
    text, where = _text(value)
    try:
        config = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise click.BadParameter(f"{where} is no JSON: {error}") from None
    if not isinstance(config, dict):
        raise click.BadParameter(f'{where} is no JSON object: give something like {{"key": 1}}')
    return config


def _text(value: str) -> tuple[bytes, str]:
    if value == "-":
        return sys.stdin.buffer.read(), "standard input"
    if value.startswith("@"):
        return _read(value[1:]), value[1:]
    if not value.lstrip().startswith("{") and Path(value).is_file():
        return _read(value), value
    return value.encode(errors="surrogateescape"), repr(value)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from None


config_argument = click.argument(
    "config", metavar="[JSON|@FILE|-]", callback=_config, default="{}", required=False
)

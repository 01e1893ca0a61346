"""Plain columns, which people read and ``awk`` splits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The head and the rows in columns as wide as they need, two blanks apart."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def time_text(at: float | None, *, none: str = "-") -> str:
    """ISO 8601 in UTC, to the second."""
    if at is None:
        return none
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

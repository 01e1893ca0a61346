"""Plain columns, which people read and ``awk`` splits."""

from __future__ import annotations

import sys
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


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that fits the terminal; without one, plain columns."""
    if not sys.stdout.isatty():
        print_table(head, rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, header_style="bold")
    for row in rows:
        # Text, because what others named is no markup.
        table.add_row(*map(Text, row))
    Console().print(table)


def time_text(at: float | None, *, none: str = "-") -> str:
    """ISO 8601 in UTC, to the second."""
    if at is None:
        return none
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

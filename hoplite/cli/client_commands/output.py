"""What commands print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from hoplite.cli.table import print_table, time_text

_HEAD = ("ID", "PLUGIN", "STATE", "OUTCOME", "OWNER", "CREATED", "PROGRESS")


def print_json(value: Any) -> None:
    """One line of JSON."""
    click.echo(msgspec.json.encode(value))


def note(ctx: click.Context, text: str) -> None:
    """One line on standard error, under the program's name."""
    click.echo(f"{ctx.find_root().info_name}: {' '.join(text.split())}", err=True)


def print_jobs(jobs: Iterable[Mapping[str, Any]]) -> None:
    """A line for each."""
    print_table(_HEAD, [job_row(job) for job in jobs])


def job_row(job: Mapping[str, Any]) -> Sequence[str]:
    created = datetime.fromisoformat(job["created_at"]).timestamp()
    return (
        str(job["id"]),
        job["name"],
        job["state"],
        job["outcome"] or "-",
        job["owner"],
        time_text(created),
        progress_text(job.get("progress")) or "-",
    )


def progress_text(progress: object) -> str:
    """``3/20 (15%) in words``, of what a job reported as its progress, which may be anything."""
    parts = progress_parts(progress)
    if parts is None:
        return ""
    done, total, text = parts
    return f"{done:g}/{total:g} ({done / total:.0%}) {text}".rstrip()


def progress_parts(progress: object) -> tuple[float, float, str] | None:
    """How much is done of how much, and in words; None if it is no progress."""
    if not isinstance(progress, Mapping):
        return None
    done, total = _number(progress.get("done")), _number(progress.get("total"))
    if done is None or total is None or total <= 0:
        return None
    text = progress.get("text")
    return done, total, _one_line(text) if isinstance(text, str) else ""


def _one_line(text: str) -> str:
    """Without what would move a terminal's cursor: it may be another user's."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def ending_text(info: Mapping[str, Any]) -> str:
    """In words, what became of a job that has ended, and why."""
    why = _exception_text(info) or info["reason"]
    return f"job {info['id']} ({info['name']}) {info['outcome']}" + (f": {why}" if why else "")


def _exception_text(info: Mapping[str, Any]) -> str:
    """What it raised; the code that it exited with is in the reason."""
    record = (info["status"] or {}).get("exception")
    if not isinstance(record, Mapping) or record.get("type") in (None, "SystemExit"):
        return ""
    return f"{record['type']}: {record.get('message')}"

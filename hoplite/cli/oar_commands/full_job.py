"""All of a job, as ``oarstat -f`` lays it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hoplite.cli.table import time_text

_ELSEWHERE = frozenset({"id", "links", "uri", "api_timestamp", "resources", "nodes", "events"})
_TIMES = frozenset({"submission_time", "start_time", "stop_time", "scheduled_start"})


def full_text(job: Mapping[str, Any]) -> str:
    """A line for each key that says something, below the job's id; then what happened to it."""
    shown = {name: value for name, value in job.items() if name not in _ELSEWHERE}
    shown["assigned_resources"] = [each["id"] for each in job["resources"]]
    shown["assigned_hostnames"] = [each["network_address"] for each in job["nodes"]]
    lines = [f"Job_Id: {job['id']}"]
    lines += [f"    {name} = {_text(name, value)}" for name, value in shown.items()]
    lines += [
        f"    {time_text(each['date'])} {each['type']}: {each['description']}"
        for each in sorted(job["events"], key=lambda event: event["date"])
    ]
    return "\n".join(lines)


def _text(name: str, value: Any) -> str:
    if value is None or (name in _TIMES and value == 0):
        return ""
    if name in _TIMES:
        return time_text(value)
    if isinstance(value, list):
        return "+".join(map(str, value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

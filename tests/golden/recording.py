"""The recordings of Hoplite 15, and how an answer is compared with a recorded one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import requests

FILE = Path(__file__).parents[2].parent / "shared" / "golden" / "hoplite-all.jsonl"
JSON = "application/json"
FLAGS = ("running", "finished", "killed")
JOB = {
    "uuid": "", "name": "", "config": {}, "status": {},
    "running": False, "finished": False, "killed": False,
}  # fmt: skip
"""What Hoplite 15 answered for each job."""


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def uuid(self) -> str | None:
        """The job in the path."""
        parts = self.path.split("/")
        if parts[1] != "jobs" or len(parts) < 3 or parts[2] in ("", "running"):
            return None
        return parts[2]


class Answer(msgspec.Struct, frozen=True):
    """``body`` is the JSON value, or the text of what is not JSON."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def media(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]


class Case(msgspec.Struct, frozen=True):
    name: str
    request: Request
    response: Answer


class Seen(msgspec.Struct, frozen=True):
    """What of an answer is compared; ``code`` where it is an error."""

    status: int
    media: str
    code: str | None
    changes: tuple[str, ...]
    """Where its JSON is not of the recorded shape, in words."""


def cases() -> list[Case]:
    """All recorded cases; none where the recordings are not beside this source tree."""
    if not FILE.is_file():
        return []
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=Case) for line in lines]


def seen(answer: requests.Response, case: Case) -> Seen:
    """``answer`` as against the recorded answer of ``case``."""
    media = answer.headers.get("Content-Type", "").partition(";")[0]
    body: Any = answer.json() if media == JSON else answer.text
    error = isinstance(body, dict) and answer.status_code >= 400
    code = body["code"] if error else None
    return Seen(answer.status_code, media, code, tuple(_changes_since(case, body, error)))


def _changes_since(case: Case, body: Any, error: bool) -> Iterator[str]:
    recorded = case.response.body
    if error and not (isinstance(recorded, dict) and "error" in recorded):
        return changes({"error": ""}, body)
    if case.response.media != JSON and isinstance(body, dict):
        # The recorded page of a defect says nothing of the job that should have been answered.
        return changes(JOB if "job" in body else {}, body, "the answer")
    return changes(recorded, body)


def as_recorded(case: Case) -> Seen:
    """An answer just like the recorded one, whatever its error's code, which is new."""
    return Seen(case.response.status, case.response.media, None, ())


def changes(recorded: Any, ours: Any, at: str = "") -> Iterator[str]:
    """Where ``ours`` lacks a key, has another type, or, inside a config or status, another key."""
    kind, other = _kind(recorded), _kind(ours)
    if kind != other:
        yield f"{at or 'the answer'}: {kind} is {other}"
    elif isinstance(recorded, dict):
        yield from _changes_of_object(recorded, ours, at)
    elif isinstance(recorded, list):
        yield from _changes_of_list(recorded, ours, at)


def _changes_of_object(recorded: dict[str, Any], ours: dict[str, Any], at: str) -> Iterator[str]:
    for key, value in recorded.items():
        where = f"{at}.{key}" if at else key
        if key not in ours:
            yield f"{where}: missing"
        elif key in FLAGS and at == "" and ours[key] is not value:
            yield f"{where}: {json.dumps(ours[key])}"
        else:
            yield from changes(value, ours[key], where)
    if at.split(".", maxsplit=1)[0] in ("config", "status"):
        yield from (f"{at}.{key}: new" for key in sorted(ours.keys() - recorded.keys()))


def _changes_of_list(recorded: list[Any], ours: list[Any], at: str) -> Iterator[str]:
    if at == "jobs":
        # Whatever jobs there are now: all have the keys of a job.
        for job in ours:
            yield from changes({"": JOB}, {"": job}, at)
    elif at.split(".", maxsplit=1)[0] in ("config", "status"):
        if len(recorded) != len(ours):
            yield f"{at}: of another length"
        for n, (one, other) in enumerate(zip(recorded, ours, strict=False)):
            yield from changes(one, other, f"{at}.{n}")
    elif recorded:
        for other in ours:
            yield from changes(recorded[0], other, f"{at}[]")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names = {dict: "object", list: "array", str: "text", type(None): "null"}
    return names[type(value)]

"""The recordings of OAR 2.5.9, and how an answer is compared with a recorded one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import requests
import yaml

from hoplite.accounts import AccountStore
from hoplite.data_directory import ACCOUNTS_FILE, prepare
from hoplite.model.caller import Role
from tests.server.process import ServerProcess

FOLDER = Path(__file__).parents[2].parent / "shared" / "golden"
USERS = {"kameleon": Role.USER, "alice": Role.USER, "oar": Role.ADMIN}
PASSWORD = "kameleon"
JSON, YAML, HTML = "application/json", "text/yaml", "text/html"
OF_THE_DOCUMENT = {"api", "apilib", "oar", "uri", "jobs_uri", "node_uri", "resource_id"}
"""Names that the document's examples have where OAR 2.5 has others: here both are answered."""
WALLTIMES_CHANGE = {"walltime-change"}
"""Where walltimes can be changed, as they can here; in most of the recordings they could not."""


class Login(msgspec.Struct, frozen=True):
    user: str
    password: str

    @property
    def here(self) -> tuple[str, str]:
        """All users have one password here; a wrong one stays wrong."""
        return self.user, PASSWORD if self.password == self.user else self.password


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    auth: Login | None


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: str | None

    @property
    def media(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]


class Case(msgspec.Struct, frozen=True):
    name: str
    request: Request
    response: Answer
    cut: bool = False
    """The recorded body is not whole."""
    vars: dict[str, Any] | None = None
    """Ids of the jobs, resources and rules that it depends on, by names."""

    @property
    def number(self) -> str:
        return self.name[:3]


class Difference(msgspec.Struct, frozen=True):
    """The whole of the new answer.  ``row`` begins a row of "Differences from OAR 2.5" in
    docs/oar.rst, where the reason is."""

    row: str
    status: int
    media: str = JSON
    changes: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """What of an answer is compared; ``changes``: where its body is not as recorded, in words."""

    status: int
    media: str
    changes: tuple[str, ...] = ()


def cases(group: str) -> list[Case]:
    """The recorded cases of ``oar-<group>.jsonl``; none where they are not beside this source tree."""
    file = FOLDER / f"oar-{group}.jsonl"
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=Case) for line in lines]


def oar_server(data_dir: Path, *options: str) -> ServerProcess:
    """A server (not started) that knows the users of the recordings by their passwords."""
    know_users(data_dir)
    local = ("--local-nodes", "node1,node2", "--sendmail", "/bin/true")
    return ServerProcess(data_dir, "--auth", "users", *local, *options)


def know_users(data_dir: Path) -> None:
    """Give a data directory the users of the recordings."""
    prepare(data_dir)
    with AccountStore(data_dir / ACCOUNTS_FILE) as accounts:
        for name, role in USERS.items():
            accounts.add_user(name, role, PASSWORD)


def replay(
    server: ServerProcess, case: Case, ours: Callable[[str], str] = str
) -> requests.Response:
    """The answer to the recorded request.  ``ours`` puts the ids of this server for those of the
    recording into the path and the body."""
    request = case.request
    return server.request(
        request.method,
        ours(request.path),
        headers={"Accept": None, **request.headers},
        data=None if request.body is None else ours(request.body).encode(),
        auth=request.auth and request.auth.here,
        allow_redirects=False,
    )


def as_recorded(case: Case) -> Seen:
    return Seen(case.response.status, case.response.media)


def seen(answer: requests.Response, case: Case, ours: Callable[[str], str] = str) -> Seen:
    """``answer`` as against the recorded one: status, media type; keys, types and links in JSON
    and YAML; titles of errors."""
    media = answer.headers.get("Content-Type", "").partition(";")[0]
    status = answer.status_code
    if (status, media) != (case.response.status, case.response.media) or media not in (JSON, YAML):
        return Seen(status, media)
    recorded = _parsed(media, ours(case.response.body or ""))
    return Seen(status, media, tuple(changes(recorded, _parsed(media, answer.text))))


def _parsed(media: str, text: str) -> Any:
    # In YAML all scalars are read as text: OAR's writer quotes nothing, so types cannot be told.
    return json.loads(text) if media == JSON else yaml.load(text, Loader=yaml.BaseLoader)


def changes(recorded: Any, ours: Any, at: str = "") -> Iterator[str]:
    """Where ``ours`` lacks a key or has another one, has another type, another link, another title."""
    kind, other = _kind(recorded), _kind(ours)
    if kind != other:
        yield f"{at or 'the answer'}: {kind} is {other}"
    elif at.endswith(("links", "title")) and recorded != ours:
        yield from _other_links(recorded, ours, at) if kind == "array" else [f"{at}: {ours}"]
    elif isinstance(recorded, dict):
        yield from _changes_of_object(recorded, ours, at)
    elif isinstance(recorded, list) and recorded and ours:
        yield from changes(recorded[0], ours[0], f"{at}[]")


def _other_links(recorded: list[Any], ours: list[Any], at: str) -> Iterator[str]:
    yield from (f"{at}: lacks {_link(link)}" for link in recorded if link not in ours)
    yield from (f"{at}: has {_link(link)}" for link in ours if link not in recorded)
    if sorted(recorded, key=str) == sorted(ours, key=str):
        yield f"{at}: in another order"


def _link(link: Any) -> str:
    return f"{link.get('title') or link.get('rel')} {link.get('href')}"


def _changes_of_object(recorded: dict[str, Any], ours: dict[str, Any], at: str) -> Iterator[str]:
    for key, value in recorded.items():
        where = f"{at}.{key}" if at else key
        if key not in ours:
            yield f"{where}: missing"
        else:
            yield from changes(value, ours[key], where)
    new = ours.keys() - recorded.keys() - OF_THE_DOCUMENT - WALLTIMES_CHANGE
    yield from (f"{at}.{key}: new" if at else f"{key}: new" for key in sorted(new))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {dict: "object", list: "array", str: "text", type(None): "null"}[type(value)]

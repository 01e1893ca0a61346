"""The timeline as the server streams it, through restarts of the server."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hoplite.client.patience import Patience
from hoplite.client.pieces import Pieces
from hoplite.client.server_connection import ServerConnection, may_pass
from hoplite.exceptions import HopliteError, NoAnswerError

ALL_EVENTS = "/events"


@dataclass(frozen=True)
class Event:
    """Something that happened: ``event`` is what, as the REST reference lists it.

    ``job`` (uuid) and ``job_id`` are None for what happens to resources; ``detail`` is None for
    those who may not see it.  ``id`` rises; ``events(after=id)`` goes on from there.
    """

    id: int
    event: str
    job: str | None
    job_id: int | None
    time: datetime
    who: str
    version: int
    detail: Any


@dataclass(frozen=True)
class _Message:
    """One message of server-sent events; without ``data``, it only says where we are."""

    id: str
    data: str


def messages(chunks: Iterable[bytes]) -> Iterator[_Message]:
    """The messages in a stream that comes in pieces; one that is cut off is left out."""
    rest, fields = b"", {"id": "", "data": ""}
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.decode(errors="replace").rstrip("\r").partition(":")
            if name in fields:
                fields[name] += value.removeprefix(" ")
            elif not name and not value and any(fields.values()):
                yield _Message(fields["id"], fields["data"])
                fields = {"id": "", "data": ""}


class EventStream:
    """Iterates over events, and asks again from the last one that it saw.

    It ends when the job has ended; that of all jobs goes on.  :meth:`close` it, or leave it to the
    end of a ``with`` block, when you stop early.
    """

    def __init__(self, connection: ServerConnection, path: str, after: int | None) -> None:
        self._reader = _Reader(connection, path, after)
        # It does not know this object: dropping that hangs up at once.
        self._events = self._reader.all()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._events.close()


class _Reader:
    """Reads on from the last event that it saw."""

    def __init__(self, connection: ServerConnection, path: str, after: int | None) -> None:
        self._connection = connection
        self._path = path
        self.last_id = after

    def all(self) -> Generator[Event, None, None]:
        away = Patience(self._connection.retry_s)
        while problem := (yield from self._until_it_breaks(away)):
            if not away.pause():
                raise problem

    def _until_it_breaks(self, away: Patience) -> Generator[Event, None, HopliteError | None]:
        """Returns why there are no more for now; None: there will be no more."""
        known = {} if self.last_id is None else {"Last-Event-ID": str(self.last_id)}
        pid = os.getpid()
        with self._connection.stream(self._path, {}, known) as answer:
            if isinstance(answer, HopliteError):
                if may_pass(answer):
                    return answer
                raise answer
            if answer.status_code == 204:
                return None
            away.renew(self._connection.reconnect_s)
            ended = False
            for message in messages(Pieces(answer)):
                self.last_id = int(message.id)
                if message.data:
                    away.renew()
                    event = _event(message)
                    ended = ended or event.event == "ended"
                    yield event
                    if os.getpid() != pid:
                        # A fork: the connection is the parent's.
                        break
        if ended and self._path != ALL_EVENTS:
            return None
        return NoAnswerError(self._connection.address.url, "the stream of events broke off")


def _event(message: _Message) -> Event:
    told = msgspec.json.decode(message.data)
    return Event(
        id=int(message.id),
        event=told["event"],
        job=told["job"],
        job_id=told["id"],
        time=datetime.fromisoformat(told["time"]),
        who=told["who"],
        version=told["version"],
        detail=told["detail"],
    )

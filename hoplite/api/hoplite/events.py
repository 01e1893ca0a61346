"""``/events`` and ``/jobs/<ref>/events``: the timeline as server-sent events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from flask import Response, g
from msgspec import Meta

from hoplite.api.answers import encode
from hoplite.api.endpoint import LARGEST, Call, EventStream, Routes
from hoplite.api.hoplite.job import gone, visible_job
from hoplite.exceptions import InvalidFieldError, JobDoesNotExistError, TooManyStreamsError
from hoplite.manager.timeline import Timeline
from hoplite.model.caller import Caller, Visibility
from hoplite.model.job import Job
from hoplite.model.timeline import NO_JOB, OF_ADMINISTRATION, OF_RESOURCES, Entry, Happening

routes = Routes("events")

_KEEP_ALIVE_S = 10.0
_KEEP_ALIVE_UNTOLD_S = 2.0
"""Where the HTTP server does not tell that a client hung up, only writing to it does."""
_LOOK_EVERY_S = 1.0
_RETRY_MS = 2000
_LAST_ID = "Last-Event-ID"


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to begin, and whether to go on."""

    after: (
        Annotated[
            int, Meta(ge=0, le=LARGEST, description="The id of the last event that you know.")
        ]
        | None
    ) = None
    follow: Annotated[bool, Meta(description="0: end when all there is was sent.")] = True


class EventView(msgspec.Struct, frozen=True):
    """The ``data`` of one event."""

    job: str | None
    """The job's uuid; null for an event about resources."""
    id: int | None
    """The job's id; null for an event about resources."""
    event: Happening
    time: datetime
    who: str
    version: int
    """The job's version after it; 0 for an event about resources."""
    detail: Any


def event_text(entry: Entry, with_detail: bool) -> bytes:
    """One event as it goes over the wire."""
    view = EventView(
        entry.uuid or None,
        None if entry.job_id == NO_JOB else entry.job_id,
        entry.what,
        datetime.fromtimestamp(entry.at, UTC),
        entry.who,
        entry.version,
        entry.detail if with_detail else None,
    )
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        entry.seq,
        entry.what.value.encode(),
        encode(view),
    )


_HEADERS = {
    _LAST_ID: Annotated[
        str,
        Meta(
            pattern="^[0-9]{0,18}$",
            description="The id of the last event that you know; the stream goes on after it.",
        ),
    ]
}


@routes.get(
    "/events",
    query=EventsQuery,
    answers={200: EventStream(EventView, Happening)},
    headers=_HEADERS,
    raises=[TooManyStreamsError],
)
def get_events(call: Call[EventsQuery, None]) -> Response:
    """Follow what happens to all jobs and resources, as server-sent events.

    Without `after` or `Last-Event-ID` the stream begins with what happens from now on.
    """
    timeline = call.service.manager.timeline
    after = _after(call)
    return _stream(call, None, timeline.last_seq if after is None else after)


@routes.get(
    "/jobs/<ref>/events",
    query=EventsQuery,
    answers={200: EventStream(EventView, Happening), 204: None},
    headers=_HEADERS,
    raises=[JobDoesNotExistError, TooManyStreamsError],
)
def get_job_events(call: Call[EventsQuery, None]) -> Response:
    """Follow what happens to one job, from its creation, until its end.

    204 when the job has ended and you know all of it (browsers stop asking then).
    """
    job = visible_job(call)
    after = _after(call) or 0
    if job.ended and after and not call.service.manager.timeline.after(after, job.id)[0]:
        return Response(status=204)
    return _stream(call, job, after)


def _after(call: Call[EventsQuery, None]) -> int | None:
    # Empty is what a browser that has seen none may send.
    given = call.request.headers.get(_LAST_ID) or None
    if given is not None and not (given.isascii() and given.isdigit() and len(given) < 19):
        raise InvalidFieldError(f"{_LAST_ID}: {given!r} is not the id of an event", field=_LAST_ID)
    if call.query.after is not None or given is None:
        return call.query.after
    return int(given)


def _stream(call: Call[EventsQuery, None], job: Job | None, after: int) -> Response:
    manager = call.service.manager
    give_back = call.service.streams.take()
    g.long = True
    seen = _Seen(call.caller, call.service.settings.visibility)
    # A job's last entry is committed with its end: a stream that has sent all there was when the
    # job had ended is complete.
    over = _ended(call, job) if call.query.follow else (lambda: True)
    tells = "waitress.client_disconnected" in call.request.environ
    chunks = _chunks(
        manager.timeline,
        job.id if job else None,
        after,
        seen,
        over,
        gone(call),
        _KEEP_ALIVE_S if tells else _KEEP_ALIVE_UNTOLD_S,
    )
    response = Response(chunks, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(give_back)
    return response


def _ended(call: Call[EventsQuery, None], job: Job | None) -> Callable[[], bool]:
    manager = call.service.manager

    def ended() -> bool:
        if job is None:
            return False
        try:
            return manager.job(job.id).ended
        except JobDoesNotExistError:
            return True

    return ended


class _Seen:
    """What one caller sees of the timeline."""

    def __init__(self, caller: Caller, visibility: Visibility) -> None:
        self._caller = caller
        self._visibility = visibility

    def text(self, entry: Entry) -> bytes | None:
        if entry.what in OF_ADMINISTRATION and not self._caller.is_admin:
            return None
        mine = self._caller.is_admin or entry.owner == self._caller.name
        if mine or entry.what in OF_RESOURCES or self._visibility is Visibility.FULL:
            return event_text(entry, with_detail=True)
        return None if self._visibility is Visibility.NONE else event_text(entry, False)


def _chunks(
    timeline: Timeline,
    job_id: int | None,
    after: int,
    seen: _Seen,
    over: Callable[[], bool],
    given_up: Callable[[], bool],
    keep_alive_s: float,
) -> Iterator[bytes]:
    # Where the stream begins, so that one that breaks before its first event goes on there.
    yield b"retry: %d\nid: %d\n\n" % (_RETRY_MS, after)
    silent_s = 0.0
    while not given_up():
        last_round = over() or timeline.closed
        limit = timeline.last_seq
        while after < limit:
            entries, after = timeline.after(after, job_id)
            if texts := [text for entry in entries if (text := seen.text(entry))]:
                silent_s = 0.0
                yield b"".join(texts)
        if last_round:
            return
        if not timeline.wait_past(after, _LOOK_EVERY_S):
            silent_s += _LOOK_EVERY_S
        if silent_s >= keep_alive_s:
            silent_s = 0.0
            yield b": still here\n\n"

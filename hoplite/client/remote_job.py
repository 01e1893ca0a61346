"""One job on a server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self, Unpack
from urllib.parse import quote

from hoplite.client.event_stream import EventStream
from hoplite.client.job_info import JobInfo
from hoplite.client.job_log import followed_log
from hoplite.client.new_job import post_job
from hoplite.client.server_connection import ConnectionOptions, ServerConnection
from hoplite.client.waiting import wait_for
from hoplite.exceptions import (
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobFailedError,
    JobKilledError,
    NotAuthorizedError,
    NotFoundError,
)

_FRESH_S = 0.2
"""So long an answer is believed, unless ``force`` is given: as in Hoplite 15."""
_OTHER_ADDRESSES = frozenset({"", ".", "..", "running"})
"""What is something else than a job below ``/jobs/``."""
_FAILED = frozenset({"failed", "timed_out", "lost"})
_STOPPED = frozenset({"killed", "cancelled"})


class RemoteJob:
    """A job on a server.  Without ``uuid``, the job is created, and not started.

    ``address`` is ``host``, ``host:port``, ``[IPv6]:port`` or a URL; ``port`` is for those that name
    none.  ``options`` are those of :class:`~hoplite.client.ConnectionOptions`.  ``api_key`` is
    ignored: only the job itself has its key.

    What the methods tell is at most 0.2 seconds old; with ``force`` it is asked anew.  An object may
    be used from any thread.  In a ``with`` block it closes its connections; the job goes on.
    """

    address: str
    """The host."""
    port: int
    name: str
    """The plugin."""
    uuid: str

    def __init__(
        self,
        address: str,
        port: int | str = 5000,
        name: str = "",
        uuid: str = "",
        api_key: str = "",
        config: Mapping[str, Any] | None = None,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        connection = ServerConnection(address, port, **options)
        # Who shows the variables of a failed call shows no credentials.
        del options
        self._know(connection)
        self.uuid, self.name = uuid, name
        self._take(
            _read(connection, uuid) if uuid else post_job(connection, name, config, False, {})
        )

    @classmethod
    def on(cls, connection: ServerConnection, job: JobInfo | str) -> Self:
        """The job of that description or uuid, over a connection that others use too."""
        made = cls.__new__(cls)
        made._know(connection)
        made._take(_read(connection, job) if isinstance(job, str) else job)
        return made

    def _know(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.address = connection.address.host
        self.port = connection.address.port

    def _take(self, info: JobInfo) -> None:
        self._known = info, time.monotonic()
        self.uuid = info["uuid"]
        self.name = info["name"]

    def __repr__(self) -> str:
        return f"<RemoteJob {self.uuid} ({self.name}) on {self._connection.address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections to the server; the job goes on."""
        self._connection.close()

    @property
    def where(self) -> str:
        """The address of the server, in a form that leads there."""
        return str(self._connection.address)

    @property
    def _path(self) -> str:
        return f"/jobs/{self.uuid}"

    def info(self, force: bool = False) -> JobInfo:
        """All that the server tells of the job; never raises for a job that failed."""
        info, at = self._known
        # What has ended does not change any more.
        if force or (not info["finished"] and time.monotonic() - at > _FRESH_S):
            info = self._learnt(_read(self._connection, self.uuid))
        return info

    def _learnt(self, info: JobInfo) -> JobInfo:
        # Another thread may have heard later news meanwhile.
        if info["version"] >= self._known[0]["version"]:
            self._known = info, time.monotonic()
        return self._known[0]

    def config(self, force: bool = False) -> dict[str, Any]:
        """What the job was created with."""
        return self._seen(self.info(force), "config")

    def status(self, force: bool = False) -> dict[str, Any]:
        """What the job has reported.

        Raises :class:`~hoplite.exceptions.JobFailedError` if it has failed; that has the ``status``.
        """
        info = self.info(force)
        self._raise_if_failed(info)
        return self._seen(info, "status")

    def _seen(self, info: JobInfo, key: Literal["config", "status"]) -> dict[str, Any]:
        value = info[key]
        if value is None:
            owner = info["owner"]
            raise NotAuthorizedError(
                f"job {self.uuid} belongs to {owner}; only {owner} and administrators see its {key}"
            )
        return value

    def running(self, force: bool = False) -> bool:
        """Whether its process exists."""
        return self.info(force)["running"]

    def finished(self, force: bool = False) -> bool:
        """Whether it has ended; raises as :meth:`status` does."""
        info = self.info(force)
        self._raise_if_failed(info)
        return info["finished"]

    @property
    def outcome(self) -> str | None:
        """What became of it: ``succeeded``, ``failed``, ``killed``, ``timed_out``, ``lost`` or
        ``cancelled``; None while it lives.  Does not raise for a job that failed."""
        return self.info()["outcome"]

    def start(self) -> bool:
        """Start it; True.  It runs, or waits for a place, when this returns.

        Raises :class:`~hoplite.exceptions.JobAlreadyStartedError` the second time.
        """
        self._connection.ask("PUT", f"{self._path}/start", done_if_repeated=JobAlreadyStartedError)
        self._outdate()
        return True

    def kill(self, force: bool = False) -> bool:
        """Have its process tree ended; True as soon as SIGTERM is sent.  A job that has ended stays
        as it is.  ``force`` has no effect.

        Raises :class:`~hoplite.exceptions.JobNotStartedError` if it was never started.
        """
        self._connection.ask("PUT", f"{self._path}/kill")
        self._outdate()
        return True

    def delete(self) -> bool:
        """Have the server forget it and its log; True.

        Raises :class:`~hoplite.exceptions.JobNotEndedError` while it waits or runs.
        """
        self._connection.ask("DELETE", self._path, done_if_repeated=JobDoesNotExistError)
        return True

    def _outdate(self) -> None:
        self._known = self._known[0], float("-inf")

    def join(self, timeout: float | None = -1) -> bool:
        """Wait until it has ended; True, also if it was killed or cancelled (see :attr:`outcome`).

        ``timeout`` is in seconds; negative or None: without end.  The wait goes on while the server
        is restarted.  Raises :class:`~hoplite.exceptions.TimeoutError` (the job goes on),
        :class:`~hoplite.exceptions.JobFailedError` if it failed, ran into its time limit or was lost.
        """
        info = self._known[0]
        if not info["finished"]:
            over = wait_for(self._connection, self.uuid, _is_finished, timeout, {})
            info = self._learnt(over)
        self._raise_if_failed(info)
        return True

    def wait_for_change(self, timeout: float | None = -1, since: int | None = None) -> JobInfo:
        """Wait until its version is over ``since`` (default: the last that this object has seen),
        or it has ended; what it is like then.

        Raises :class:`~hoplite.exceptions.TimeoutError`.
        """
        known = self._known[0]["version"] if since is None else since

        def changed(info: JobInfo) -> bool:
            return info["version"] > known or info["finished"]

        query = {"for": "change", "since": str(known)}
        return self._learnt(wait_for(self._connection, self.uuid, changed, timeout, query))

    def log(
        self, stream: Literal["all", "stdout", "stderr"] = "all", tail: int | None = None
    ) -> str:
        """What it has printed: by default ``stdout``, then ``stderr``; ``tail``: the last lines.

        Raises :class:`~hoplite.exceptions.LogRemovedError` if a retention rule removed it.
        """
        query = {"stream": stream} | ({} if tail is None else {"tail": str(tail)})
        answer = self._connection.ask("GET", f"{self._path}/log", params=query)
        return answer.content.decode(errors="replace")

    def result(self) -> bytes:
        """The result file that it left by ``status.write_result``.

        Raises :class:`~hoplite.exceptions.ResultDoesNotExistError` if it left none,
        :class:`~hoplite.exceptions.JobNotEndedError` before its end, and
        :class:`~hoplite.exceptions.LogRemovedError` if a retention rule removed it.
        """
        return self._connection.ask("GET", f"{self._path}/result").content

    def put_input(self, data: bytes) -> None:
        """Give it a file, which it reads by ``status.read_input``: for what its config is too small
        for.  Raises :class:`~hoplite.exceptions.JobAlreadyStartedError` once it was started."""
        headers = {"Content-Type": "application/octet-stream"}
        self._connection.ask("PUT", f"{self._path}/input", data=data, headers=headers)

    def follow_log(self, stream: Literal["stdout", "stderr"] = "stdout") -> Iterator[str]:
        """What it prints, in pieces as they come, from the beginning until it has ended."""

        def has_ended() -> bool:
            return self.info(force=True)["finished"]

        return followed_log(self._connection, f"{self._path}/log", stream, has_ended)

    def why(self) -> dict[str, Any]:
        """What it waits for: ``message`` in words, ``predicted_start``, ``sooner`` and more, as in
        :http:get:`/jobs/(ref)/why`."""
        told: dict[str, Any] = self._connection.decoded(
            self._connection.ask("GET", f"{self._path}/why"), "message"
        )
        return told

    def events(self, after: int | None = None) -> EventStream:
        """What happens to it, from its creation, or after the event of that id, until it has ended."""
        return EventStream(self._connection, f"{self._path}/events", after)

    def _raise_if_failed(self, info: JobInfo) -> None:
        if info["outcome"] not in _FAILED:
            return
        status = info["status"] or {}
        record = status.get("exception")
        traceback = record.get("traceback") if isinstance(record, dict) else None
        raise JobFailedError(
            str(self._connection.address), self.uuid, traceback, record,
            status=status, outcome=info["outcome"] or "",
        )  # fmt: skip

    def raise_unless_succeeded(self) -> None:
        """Raise what :meth:`join` raises, and :class:`~hoplite.exceptions.JobKilledError` for a job
        that was killed or cancelled."""
        info = self.info()
        self._raise_if_failed(info)
        if info["outcome"] in _STOPPED:
            raise JobKilledError(
                str(self._connection.address), self.uuid, info["reason"],
                status=info["status"], outcome=info["outcome"] or "",
            )  # fmt: skip


def _read(connection: ServerConnection, ref: str) -> JobInfo:
    if ref in _OTHER_ADDRESSES:
        raise JobDoesNotExistError.of(ref)
    try:
        return connection.job("GET", f"/jobs/{quote(ref, safe='')}")
    except NotFoundError:
        raise JobDoesNotExistError.of(ref) from None


def _is_finished(info: JobInfo) -> bool:
    return info["finished"]

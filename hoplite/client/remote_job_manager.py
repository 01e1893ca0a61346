"""The jobs of one server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, Unpack, cast
from urllib.parse import parse_qsl, urlsplit

from hoplite.client.availability import answers, await_answers
from hoplite.client.event_stream import ALL_EVENTS, EventStream
from hoplite.client.job_info import JobInfo
from hoplite.client.new_job import JobOptions, post_job
from hoplite.client.remote_job import RemoteJob
from hoplite.client.server_connection import ConnectionOptions, ServerConnection


class RemoteJobManager:
    """A server and its jobs.

    ``address`` is ``host``, ``host:port``, ``[IPv6]:port`` or a URL; ``port`` is for those that name
    none.  ``options`` are those of :class:`~hoplite.client.ConnectionOptions`.  Nothing is sent
    before the first call.  An object may be used from any thread, and after a fork.  In a ``with``
    block it closes its connections at the end.
    """

    address: str
    """The host."""
    port: int

    def __init__(
        self, address: str, port: int | str = 5000, **options: Unpack[ConnectionOptions]
    ) -> None:
        self._connection = ServerConnection(address, port, **options)
        self.address = self._connection.address.host
        self.port = self._connection.address.port

    def __repr__(self) -> str:
        return f"<RemoteJobManager of {self._connection.address}>"

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
        """Close the idle connections; the object can be used again."""
        self._connection.close()

    def is_available(self) -> bool:
        """Whether a hoplite server answers there, within two seconds."""
        return answers(self._connection)

    def wait_for_available(self, retry_period_s: float = 2, retries: int = 150) -> None:
        """Wait until a server answers.

        Raises :class:`~hoplite.exceptions.TimeoutError` after that many tries.
        """
        await_answers(self._connection, retry_period_s, retries)

    def create_job(
        self,
        plugin_name: str,
        config: Mapping[str, Any] | None = None,
        **options: Unpack[JobOptions],
    ) -> RemoteJob:
        """Create a job, and do not start it.

        ``options`` are those of :class:`~hoplite.client.JobOptions`.  Raises
        :class:`~hoplite.exceptions.JobPluginDoesNotExistError`.
        """
        info = post_job(self._connection, plugin_name, config, False, options)
        return RemoteJob.on(self._connection, info)

    def start_job(
        self,
        plugin_name: str,
        config: Mapping[str, Any] | None = None,
        **options: Unpack[JobOptions],
    ) -> RemoteJob:
        """Create a job and start it, in one request."""
        info = post_job(self._connection, plugin_name, config, True, options)
        return RemoteJob.on(self._connection, info)

    def run(
        self,
        plugin_name: str,
        config: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = -1,
        **options: Unpack[JobOptions],
    ) -> RemoteJob:
        """Create a job, start it and wait for its end; the job, which has succeeded.

        Raises what :meth:`RemoteJob.join` does, and :class:`~hoplite.exceptions.JobKilledError` if
        somebody killed it.  After :class:`~hoplite.exceptions.TimeoutError` it goes on; the error
        has its ``uuid``.
        """
        job = self.start_job(plugin_name, config, **options)
        job.join(timeout)
        job.raise_unless_succeeded()
        return job

    def get_job(self, uuid: str | int) -> RemoteJob:
        """The job of that uuid or id.

        Raises :class:`~hoplite.exceptions.JobDoesNotExistError`.
        """
        return RemoteJob.on(self._connection, str(uuid))

    def jobs(
        self,
        *,
        state: str | Iterable[str] | None = None,
        plugin: str | None = None,
        owner: str | None = None,
        since: datetime | float | None = None,
    ) -> Iterator[JobInfo]:
        """The jobs that are kept, newest first, fetched a page at a time as you go.

        ``state``: only those in this state, or one of these; ``since``: created then or later.
        """
        query = {
            "state": state if state is None or isinstance(state, str) else ",".join(state),
            "plugin": plugin,
            "owner": owner,
            "since": since.isoformat() if isinstance(since, datetime) else since,
        }
        return self._pages({key: str(value) for key, value in query.items() if value is not None})

    def _pages(self, query: dict[str, str]) -> Iterator[JobInfo]:
        while True:
            answer = self._connection.ask("GET", "/jobs", params=query)
            page = self._connection.decoded(answer, "jobs")
            yield from cast(list[JobInfo], page["jobs"])
            if page["next"] is None:
                return
            # Its path is as the server knows it, which may be behind a proxy.
            query = dict(parse_qsl(urlsplit(page["next"]).query))

    def get_running_jobs(self) -> list[JobInfo]:
        """The jobs whose process exists."""
        return cast(list[JobInfo], self._connection.value("GET", "/jobs/running", "jobs"))

    def get_job_plugins(self) -> list[str]:
        """The names of the plugins, as of the last reload."""
        return cast(list[str], self._connection.value("GET", "/job_plugins", "job_plugins"))

    def reload_site_packages(self) -> bool:
        """Have the server pick up packages that were installed, upgraded or removed; True."""
        self._connection.ask("PUT", "/reload")
        return True

    def whoami(self) -> dict[str, str]:
        """Whom the server takes this client for: ``name``, ``role``, and ``via``, how it knows."""
        told: dict[str, str] = self._connection.decoded(
            self._connection.ask("GET", "/whoami"), "role"
        )
        return told

    def events(self, after: int | None = None) -> EventStream:
        """What happens to all jobs and resources, from now on, or after the event of that id.

        It goes on without end; :meth:`~hoplite.client.EventStream.close` it.
        """
        return EventStream(self._connection, ALL_EVENTS, after)

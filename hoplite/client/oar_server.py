"""A server's OAR dialect: what OAR's commands ask for, over the same connections."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack

import msgspec

from hoplite.client.remote_job import RemoteJob
from hoplite.client.server_connection import ConnectionOptions, ServerConnection
from hoplite.exceptions import InvalidRequestError

_MOUNT = "/oarapi"


class OarServer:
    """Paths are those below ``/oarapi``, without extension; ``form`` is ``json`` or ``yaml``."""

    def __init__(
        self, address: str, port: int | str = 5000, **options: Unpack[ConnectionOptions]
    ) -> None:
        self._connection = ServerConnection(address, port, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine, so that its paths are ours."""
        return self._connection.address.is_loopback

    def get(self, path: str, **query: str | int) -> Any:
        """What the answer in JSON says."""
        answer = self._connection.ask("GET", f"{_MOUNT}{path}.json", params=query)
        return self._connection.decoded(answer)

    def text(self, path: str, form: str, **query: str | int) -> str:
        """The answer as it came."""
        return self._connection.ask("GET", f"{_MOUNT}{path}.{form}", params=query).text

    def whoami(self) -> str:
        """The name of the caller; empty if the server knows it not."""
        return str(self.get("/whoami")["authenticated_user"] or "")

    def act(self, path: str, form: str = "json", *, once: bool = False) -> str:
        """What is asked of jobs by a POST; the answer as it came.

        It is empty if a first try, of which nothing was heard, has done it.  ``once``: never try
        twice, because it means something else then.
        """
        return self._connection.ask(
            "POST",
            f"{_MOUNT}{path}.{form}",
            retry_s=0.0 if once else None,
            done_if_repeated=InvalidRequestError,
        ).text

    def submit(self, options: Mapping[str, Any], form: str = "json") -> str:
        """Make the jobs, exactly once however often the request has to be repeated; the answer as
        it came."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        data = msgspec.json.encode(options)
        path = f"{_MOUNT}/jobs.{form}"
        return self._connection.ask("POST", path, data=data, headers=headers).text

    def job(self, job_id: int) -> RemoteJob:
        """The same job through the Hoplite dialect, which has its output."""
        return RemoteJob.on(self._connection, str(job_id))

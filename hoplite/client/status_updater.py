"""How a running job tells its server its status."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hoplite.client.answers import refusal
from hoplite.exceptions import ConnectionError, HopliteError

if TYPE_CHECKING:
    from http.client import HTTPConnection

_RETRIED = frozenset({502, 503, 504, 507})
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 2.0

_Parts = dict[str, str]
"""A status with the JSON text of each value."""


class StatusUpdater:
    """The ``status`` that a plugin's ``run(config, status)`` gets.  May be used from any thread.

    ``addr`` is ``host:port`` or a URL.  A server that is away is asked again for ``retry_s``
    seconds, each time at the address that ``address_file`` (if given) names by then.
    ``timeout_s`` bounds a single try.
    """

    def __init__(
        self,
        addr: str,
        uuid: str,
        api_key: str,
        *,
        retry_s: float = 600,
        address_file: str | os.PathLike[str] | None = None,
        timeout_s: float = 30,
    ) -> None:
        self.addr = addr
        self.uuid = uuid
        self._api_key = api_key
        self._retry_s = retry_s
        self._address_file = address_file
        self._timeout_s = timeout_s
        self._parts: _Parts = {}
        self._acknowledged = True
        self._sending = threading.RLock()
        self._connection: HTTPConnection | None = None
        self._connected_to = ("", 0)

    @property
    def status(self) -> dict[str, Any]:
        """The whole status as it is here: what the server took, and what it could not be told."""
        return {key: json.loads(text) for key, text in self._parts.items()}

    @property
    def unacknowledged(self) -> dict[str, Any] | None:
        """The whole status if the server does not have it; else None."""
        return None if self._acknowledged else self.status

    def update(self, status: Mapping[str, Any]) -> None:
        """Merge ``status`` into the job's status and tell the server the whole of it.

        Raises TypeError if a value is no JSON (then nothing is sent), the error that the server
        answered if it refused (then the status is what it was before), and
        :class:`~hoplite.exceptions.ConnectionError` if it could not be reached in time.
        """
        new = _as_json(status)
        with self._sending:
            before = self._parts, self._acknowledged
            self._parts = {**self._parts, **new}
            self._acknowledged = False
            try:
                self._put()
            except ConnectionError:
                raise
            except HopliteError:
                self._parts, self._acknowledged = before
                raise
            self._acknowledged = True

    def update_at_end(self, status: Mapping[str, Any]) -> None:
        """Merge ``status``, to be told with the job's outcome, which costs no request of its own.

        Raises TypeError if a value is no JSON.
        """
        new = _as_json(status)
        with self._sending:
            self._parts = {**self._parts, **new}
            self._acknowledged = False

    def progress(self, done: float, total: float, text: str = "") -> None:
        """Say how far the job is: ``done`` of ``total``, and in words."""
        self.update({"progress": {"done": done, "total": total, "text": text}})

    def close(self) -> None:
        """Close the connection; the next update opens another."""
        with self._sending:
            self._disconnect()

    def _put(self) -> None:
        body = self._body()
        deadline = time.monotonic() + self._retry_s
        pause = _FIRST_PAUSE_S
        while not self._try(body):
            if time.monotonic() + pause > deadline:
                raise ConnectionError(self.addr)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            self._look_up_address()

    def _body(self) -> bytes:
        parts = ",".join(f"{json.dumps(key)}:{text}" for key, text in self._parts.items())
        return f'{{"status":{{{parts}}},"api_key":{json.dumps(self._api_key)}}}'.encode()

    def _try(self, body: bytes) -> bool:
        """One PUT; False if it may be tried again, raises what the server refused with."""
        from http.client import HTTPException

        try:
            connection = self._connected()
            connection.request("PUT", self._path(), body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, HTTPException):
            self._disconnect()
            return False
        if status in _RETRIED:
            return False
        if not 200 <= status < 300:
            raise refusal(f"{_url(self.addr)}/jobs/{self.uuid}", status, text)
        return True

    def _path(self) -> str:
        return f"{urlsplit(_url(self.addr)).path}/jobs/{self.uuid}"

    def _connected(self) -> HTTPConnection:
        # A connection that a forked child shares with its parent would mix up their answers.
        if self._connection is None or self._connected_to != (self.addr, os.getpid()):
            from http.client import HTTPConnection, HTTPSConnection

            # Not the requests library: it would be in the memory of every job's process, for this
            # one request.
            parts = urlsplit(_url(self.addr))
            kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
            self._connection = kind(parts.netloc, timeout=self._timeout_s)
            self._connected_to = (self.addr, os.getpid())
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look_up_address(self) -> None:
        if self._address_file is None:
            return
        try:
            self.addr = Path(self._address_file).read_text("utf-8").strip() or self.addr
        except (OSError, ValueError):
            return


class MockStatusUpdater:
    """A stand-in for trying a plugin without a server: prints each update, and keeps it."""

    def __init__(self, addr: str = "0.0.0.0:5000", uuid: str = "{0}", api_key: str = "") -> None:  # noqa: S104 - the default of Hoplite 15; nothing listens there
        self.addr = addr
        self.uuid = uuid
        self.api_key = api_key
        self.status: dict[str, Any] = {}

    def update(self, status: Mapping[str, Any]) -> None:
        """Merge and print."""
        self.status = {**self.status, **status}
        print(self.status)

    def update_at_end(self, status: Mapping[str, Any]) -> None:
        """As :meth:`update`."""
        self.update(status)

    def progress(self, done: float, total: float, text: str = "") -> None:
        """As :meth:`StatusUpdater.progress`."""
        self.update({"progress": {"done": done, "total": total, "text": text}})


def _as_json(status: Mapping[str, Any]) -> _Parts:
    if not isinstance(status, Mapping):
        raise TypeError(f"a status is a dict, not {type(status).__name__}")
    return {_as_key(key): _as_text(key, value) for key, value in status.items()}


def _as_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the keys of a status are strings, not {type(key).__name__}")
    return key


def _as_text(key: str, value: object) -> str:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"status[{key!r}] cannot be told as JSON: {error}") from None
    return text


def _url(addr: str) -> str:
    return (addr if "://" in addr else f"http://{addr}").rstrip("/")

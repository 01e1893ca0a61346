"""How a running job tells its server its status."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from hoplite.client.answers import refusal
from hoplite.exceptions import ConnectionError, HopliteError, TooLargeError

if TYPE_CHECKING:
    from http.client import HTTPConnection

_RETRIED = frozenset({502, 503, 504, 507})
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 2.0

_Parts = dict[str, str]
"""A status with the JSON text of each value."""


class JobFileNames(NamedTuple):
    """Where a job finds what it was given, and leaves its result."""

    input: str | None = None
    result: str | None = None
    max_result_bytes: int = 0


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
        files: JobFileNames | None = None,
    ) -> None:
        self.addr = addr
        self.uuid = uuid
        self._api_key = api_key
        self._retry_s = retry_s
        self._address_file = address_file
        self._timeout_s = timeout_s
        self._files = files or JobFileNames()
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

    def write_result(self, data: bytes) -> None:
        """Leave ``data`` as the job's result file, for ``GET /jobs/<uuid>/result``: whole, or not at
        all; what was left before is replaced.

        Raises :class:`~hoplite.exceptions.TooLargeError` over the server's ``max_result_bytes``, and
        OSError if it cannot be written.
        """
        if self._files.result is None:
            raise RuntimeError("a result file can be left only where a server runs the job")
        if len(data) > self._files.max_result_bytes:
            raise TooLargeError(
                f"the result has {len(data)} bytes; the setting max_result_bytes allows "
                f"{self._files.max_result_bytes}"
            )
        _write_whole(self._files.result, data)

    def read_input(self) -> bytes:
        """The file that was put at ``/jobs/<uuid>/input`` before the job was started.

        Raises FileNotFoundError if none was.
        """
        if self._files.input is None:
            raise FileNotFoundError("no file was put at the job's input")
        return Path(self._files.input).read_bytes()

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
        self.input = b""
        self.result: bytes | None = None

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

    def write_result(self, data: bytes) -> None:
        """Keep it as ``result``."""
        self.result = bytes(data)

    def read_input(self) -> bytes:
        """``input``, to be set before."""
        return self.input


def _write_whole(path: str, data: bytes) -> None:
    fresh = f"{path}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(path)
        _sync_directory(os.path.dirname(path))  # noqa: PTH120 - a string
    except OSError:
        with contextlib.suppress(OSError):
            Path(fresh).unlink()
        raise


def _sync_directory(path: str) -> None:
    """A file is there after a power failure only if its directory was written too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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

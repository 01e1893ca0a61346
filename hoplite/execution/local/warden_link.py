"""The server's end of the connection to a warden, and starting one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import hoplite
from hoplite.execution.local.wire import Frames, FromServer, FromWarden, framed, from_warden

_RECEIVE_BYTES = 256 * 1024
_LOG_LIMIT = 1024 * 1024
_CRASH_AT = "HOPLITE_WARDEN_CRASH_AT"


class WardenLink:
    """A warden that was started by this server.

    ``ready`` turns true when it takes launches.  ``send`` may be called from any thread, the rest
    from one.
    """

    def __init__(self, data_dir: Path, python: str) -> None:
        self.ready = False
        self._log_path = data_dir / "warden.log"
        self._frames = Frames()
        self._sending = threading.Lock()
        self._connection, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = _start(python, theirs.fileno(), self._log_path)
        except OSError:
            self._connection.close()
            raise

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, message: FromServer) -> bool:
        """Hand it over; False if the warden is gone, or takes no more."""
        with self._sending:
            try:
                self._connection.sendall(framed(message))
            except OSError:
                return False
        return True

    def messages(self) -> Iterator[FromWarden]:
        """What it has told; raises EOFError when it is gone and all it told was read."""
        try:
            data = self._connection.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            raise EOFError
        for body in self._frames.feed(data):
            yield from_warden(body)

    def became_ready(self) -> None:
        """It has told so."""
        self.ready = True
        self._wait_for_parent()

    def retire(self) -> None:
        """No more launches: it ends after the last of its jobs, and tells of them until then."""
        with self._sending, contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Leave the warden to itself."""
        with self._sending:
            self._connection.close()
        self._wait_for_parent()

    def _wait_for_parent(self) -> None:
        # What was started is only the warden's parent, which ends at once.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)

    def last_words(self) -> str:
        """The last line of the warden's log: why it could not start."""
        try:
            lines = self._log_path.read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][-500:] if lines else ""


def _start(python: str, descriptor: int, log_path: Path) -> subprocess.Popen[bytes]:
    with _log(log_path) as log:
        return subprocess.Popen(  # the interpreter of the configuration
            [python, "-P", "-m", "hoplite.execution.local.warden", str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=[descriptor],
            start_new_session=True,
            env=_environment(),
        )


@contextlib.contextmanager
def _log(path: Path) -> Iterator[int]:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    """The server's, without its settings and secrets; jobs of its own account inherit it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOPLITE_")}
    if _CRASH_AT in os.environ:
        # For the first one only: a death that every successor dies too tests something else.
        environment["HOPLITE_CRASH_AT"] = os.environ.pop(_CRASH_AT)
    home = package_home()
    if home.name not in ("site-packages", "dist-packages"):
        # Run from a source tree: the warden's fresh interpreter would not find the package.
        paths = [environment.get("PYTHONPATH", ""), str(home)]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


def package_home() -> Path:
    """The directory that holds the package."""
    return Path(next(iter(hoplite.__path__))).resolve().parent

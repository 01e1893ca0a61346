"""The server's connection to the keeper."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading

from hoplite.exceptions import UnavailableError
from hoplite.execution.local.process_tree import LINUX
from hoplite.execution.local.warden_link import package_home

_INHERITED = ("PATH", "LANG", "TZ", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class KeeperLink:
    """Starts the keeper when it is first needed, and anew when it has died.  For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> socket.socket:
        """A connection to a process of its own; raises UnavailableError."""
        if not LINUX:
            raise UnavailableError("files are served on Linux only")
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._send(theirs)
            except OSError as error:
                ours.close()
                raise UnavailableError(
                    f"no process to serve files could be started: {error}"
                ) from error
        return ours

    def close(self) -> None:
        """End it; operations under way end when their connections are closed."""
        with self._lock:
            self._end()

    def _send(self, end: socket.socket) -> None:
        with self._lock:
            if self._control is not None:
                with contextlib.suppress(OSError):
                    socket.send_fds(self._control, [b"."], [end.fileno()])
                    return
                self._end()
            self._start()
            assert self._control is not None
            socket.send_fds(self._control, [b"."], [end.fileno()])

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = _started(theirs.fileno())
            except OSError:
                ours.close()
                raise
        self._control = ours

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self._control = self._process = None


def _started(descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "hoplite.files.keeper", str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[descriptor],
        start_new_session=True,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """Nothing that could be a secret: the children are of other accounts."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    home = package_home()
    if home.name not in ("site-packages", "dist-packages"):
        paths = [environment.get("PYTHONPATH", ""), str(home)]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment

"""The console scripts, as a shell runs them."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WITHIN_S = 30.0


def script(name: str) -> Path:
    """The script that installing the package made; skips without one."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        pytest.skip(f"{path} is not there: hoplite is not installed in this environment")
    return path


def client(url: str, *args: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """``hoplite-client`` to its end, without a terminal."""
    return subprocess.run(
        [script("hoplite-client"), "-a", url, *args],
        input=given, capture_output=True, text=True, check=False, timeout=WITHIN_S,
    )  # fmt: skip


def started(url: str, *args: str) -> subprocess.Popen[str]:
    """``hoplite-client``, running, without a terminal."""
    return subprocess.Popen(
        [script("hoplite-client"), "-a", url, *args],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


class Terminal:
    """``hoplite-client``, or another program, on a terminal of its own."""

    def __init__(self, url: str, *args: str, program: str = "hoplite-client") -> None:
        self.shown = ""
        command = [str(script(program)), "--address", url, *args]
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "100"})

    def until(self, words: str) -> None:
        """Read on until ``words`` were shown."""
        deadline = time.monotonic() + WITHIN_S
        while words not in self.shown:
            assert time.monotonic() < deadline, f"waited for {words!r}; shown: {self.shown}"
            assert self._read(), f"it ended without {words!r}; shown: {self.shown}"

    def shows(self, words: str, within_s: float) -> bool:
        """Whether ``words`` come in time."""
        deadline = time.monotonic() + within_s
        while words not in self.shown and time.monotonic() < deadline and self._read():
            pass
        return words in self.shown

    def _read(self) -> bool:
        if not select.select([self._fd], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def exit_code(self) -> int:
        deadline = time.monotonic() + WITHIN_S
        while self._read():
            assert time.monotonic() < deadline, f"it does not end; shown: {self.shown}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        os.close(self._fd)
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

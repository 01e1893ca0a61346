"""A server in a process of its own, and raw connections to it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import msgspec

ROOT = Path(__file__).parents[2]
DEADLINE_S = 20.0


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether it came true before the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Served:
    """``python -m tests.serving.serve_apps``, in a process group of its own."""

    def __init__(self, http: str, settings: dict[str, object]) -> None:
        values: dict[str, object] = {
            "http": http,
            "auth": ["users"],
            "port": 0,
            "threads": 4,
            "max_streams": 4,
            "request_timeout": 30.0,
            "max_body_bytes": 100_000,
            "max_upload_bytes": 1_000_000,
            **settings,
        }
        arguments = [
            f"{name}={msgspec.json.encode(each).decode()}" for name, each in values.items()
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.serving.serve_apps", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def line(self, begin: str) -> str:
        """The rest of the next line that begins so; others before it are dropped."""
        while True:
            line = self._lines.get(timeout=DEADLINE_S)
            if line.startswith(begin):
                return line.removeprefix(begin).strip()

    def listening(self) -> str:
        """The URL, once the server says that it listens."""
        self.url = self.line("listening")
        return self.url

    def ended(self) -> int:
        """The exit code."""
        return self.process.wait(DEADLINE_S)

    def rest(self) -> list[str]:
        """What it said until its end and nobody has read."""
        self.ended()
        self._reader.join(DEADLINE_S)
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def connect(self) -> Client:
        parts = urlsplit(self.url)
        assert parts.hostname is not None and parts.port is not None
        return Client(parts.hostname, parts.port)

    def get(self, path: str) -> Any:
        """The JSON answer, over a connection of its own."""
        with self.connect() as client:
            status, body = client.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status == 200, body
            return msgspec.json.decode(body)

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A worker may be left of a parent that has ended.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(DEADLINE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Client:
    """A TCP connection on which a test sends what it likes."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=DEADLINE_S)

    def send(self, text: str | bytes) -> None:
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def ask(self, text: str | bytes) -> tuple[int, bytes]:
        self.send(text)
        return self.answer()

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer that has a Content-Length."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += self._more()
        return int(head.split()[1]), body

    def _more(self) -> bytes:
        got = self.socket.recv(65536)
        assert got, "the server closed the connection before the answer was whole"
        return got

    def until_closed(self) -> bytes:
        """All that comes until the server closes; a reset counts as closing."""
        got = b""
        try:
            while more := self.socket.recv(65536):
                got += more
        except ConnectionResetError:
            pass
        return got

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

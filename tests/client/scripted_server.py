"""A server that answers each connection with the bytes that a test gives it."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def answer(status: int, body: Any, *headers: str) -> bytes:
    """One whole answer, after which the connection is closed."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(text)}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + text


class ScriptedServer:
    """``answers`` are given to one connection after the other, the last of them to all that follow;
    None keeps the connection open and silent.  ``requests`` holds what was asked."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self._open.append(connection)
            with suppress(OSError):
                self.requests.append(_request(connection))
                if reply is not None:
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()


def _request(connection: socket.socket) -> bytes:
    """One whole request; of what is none, nothing."""
    connection.settimeout(0.5)
    with suppress(TimeoutError), connection.makefile("rb") as file:
        head = b"".join(iter(file.readline, b"\r\n"))
        length = re.search(rb"Content-Length: (\d+)", head)
        return head + b"\r\n" + (file.read(int(length[1])) if length else b"")
    return b""


@contextmanager
def answering(*answers: bytes | None) -> Iterator[ScriptedServer]:
    """A server that answers so meanwhile."""
    server = ScriptedServer(*answers)
    try:
        yield server
    finally:
        server.close()

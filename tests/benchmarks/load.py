"""A client that costs little: raw keep-alive connections, one request in flight on each.

It runs in a process of its own (``python -m tests.benchmarks.load``, one :class:`Load` as JSON on
stdin, one :class:`Measured` on stdout), so that it shares neither the interpreter lock nor the
memory of what it measures; one thread polls all connections.  ``http.client`` costs four times as
much CPU a request, which on a machine of two CPUs the server would pay for.
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import msgspec

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Send ``count`` requests over ``connections`` connections to ``url``; each connection sends
    one of ``requests`` again and again."""

    url: str
    requests: list[str]
    count: int
    connections: int
    then_until: tuple[str, str] | None = None
    """Afterwards send the first every few milliseconds until the answer contains the second."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """``seconds`` is the time for all, the waiting of ``then_until`` included."""

    seconds: float
    sent_in: float
    median: float
    """Seconds of one request."""
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds


def request(method: str, target: str, body: str = "") -> str:
    """The text of a request."""
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    return f"{head}\r\n{body}"


def measure(load: Load) -> Measured:
    """Run it in a client process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Measured)


class Connection:
    """One kept-alive connection; one request at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.sent_at = 0.0

    def send(self, text: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(text)

    def receive(self) -> tuple[int, bytes] | None:
        """Read once; status and body if the answer is whole now."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError("the server closed the connection")
        self._buffer += data
        end = self._buffer.find(_END)
        if end < 0:
            return None
        head = self._buffer[:end].lower()
        at = head.find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(None, 1)[0]) if at >= 0 else 0
        start = end + len(_END)
        if len(self._buffer) < start + length:
            return None
        body, self._buffer = self._buffer[start : start + length], self._buffer[start + length :]
        return int(head[9:12]), body

    def ask(self, text: bytes) -> tuple[int, bytes]:
        """Send, and wait for the answer."""
        self.send(text)
        while True:
            answer = self.receive()
            if answer is not None:
                return answer

    def close(self) -> None:
        self.socket.close()


def run(load: Load) -> Measured:
    """The load itself, in this process."""
    connections = [Connection(load.url) for _ in range(load.connections)]
    began = time.perf_counter()
    statuses, latencies = _send_all(connections, load)
    sent_in = time.perf_counter() - began
    if load.then_until is not None:
        question, awaited = (text.encode() for text in load.then_until)
        while awaited not in connections[0].ask(question)[1]:
            time.sleep(0.02)
    seconds = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return Measured(
        seconds=seconds,
        sent_in=sent_in,
        median=statistics.median(latencies),
        statuses=dict(statuses),
    )


def _send_all(connections: list[Connection], load: Load) -> tuple[Counter[int], list[float]]:
    poll = select.poll()
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    sends = {}
    for n, connection in enumerate(connections[: load.count]):
        sends[connection.socket.fileno()] = (
            connection,
            load.requests[n % len(load.requests)].encode(),
        )
        poll.register(connection.socket, select.POLLIN)
        connection.send(sends[connection.socket.fileno()][1])
    to_send = load.count - len(sends)
    while len(latencies) < load.count:
        for descriptor, _ in poll.poll():
            connection, text = sends[descriptor]
            answer = connection.receive()
            if answer is None:
                continue
            latencies.append(time.perf_counter() - connection.sent_at)
            statuses[answer[0]] += 1
            if to_send:
                to_send -= 1
                connection.send(text)
    return statuses, latencies


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    os.write(1, msgspec.json.encode(run(asked)))

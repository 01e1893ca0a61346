"""Real TCP connections within this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.auth.environs import environ


class Ends(NamedTuple):
    client: socket.socket
    server: socket.socket

    def environ(self) -> dict[str, Any]:
        """What waitress would tell of a request over this connection."""
        host, port = self.server.getpeername()[:2]
        local = self.server.getsockname()[:2]
        return environ(host, port, **{"hoplite.local_address": local})


@contextmanager
def connected(host: str = "127.0.0.1", to: str | None = None) -> Iterator[Ends]:
    """A client connected to a server that listens on ``host``, reached as ``to``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::") as listening:
        target = to or host
        kind = socket.AF_INET6 if ":" in target else socket.AF_INET
        with socket.socket(kind) as client:
            client.connect((target, listening.getsockname()[1]))
            server, _ = listening.accept()
            with server:
                yield Ends(client, server)

"""What the servers tell the application beside WSGI's own keys.

No client can set these: only keys that begin with ``HTTP_`` come from a request's headers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Environ = Mapping[str, Any]

LOCAL_ADDRESS = "hoplite.local_address"
"""``(host, port)`` of the server's end of the connection; waitress only."""

SERVED_BY = "hoplite.served_by"
"""``waitress``, ``granian``, ``report`` or ``wsgi`` (someone else's server)."""

CONNECTION = "hoplite.connection"
"""A dict that lives and dies with the TCP connection, for what stays true of it; waitress only."""

IN_PROCESS = "hoplite.in_process"
"""True for requests that came over no connection: those of Flask's test client."""

PEER = "hoplite.peer"
"""``(host, port)`` of the TCP peer, kept when a trusted proxy's headers replace ``REMOTE_ADDR``."""


def peer(environ: Environ) -> tuple[str, int | None]:
    """The TCP peer, whatever a proxy says of its clients; the port is None if nobody told it."""
    kept: tuple[str, int | None] | None = environ.get(PEER)
    if kept is not None:
        return kept
    port = str(environ.get("REMOTE_PORT") or "")
    return str(environ.get("REMOTE_ADDR") or ""), int(port) if port.isdecimal() else None


def local_address(environ: Environ) -> tuple[str, int] | None:
    """The server's end of the connection, if the server tells it."""
    known: tuple[str, int] | None = environ.get(LOCAL_ADDRESS)
    return known


def is_in_process(environ: Environ) -> bool:
    """Whether the request came over no connection at all."""
    return environ.get(IN_PROCESS) is True and SERVED_BY not in environ


def client_disconnected(environ: Environ) -> Callable[[], bool]:
    """A function that says whether the client has gone away.

    Streams and long polls ask it between waits.  Where the server cannot tell (granian, foreign
    servers) it says False for ever, and the next write fails instead.
    """
    known: Callable[[], Any] | None = environ.get("waitress.client_disconnected")
    if known is None:
        return _nobody_can_tell
    return lambda: bool(known())


def _nobody_can_tell() -> bool:
    return False

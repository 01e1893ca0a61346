"""waitress, in the server's own process."""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from waitress import wasyncore  # type: ignore[import-untyped] # has no types
from waitress.adjustments import Adjustments  # type: ignore[import-untyped] # has no types
from waitress.server import TcpWSGIServer  # type: ignore[import-untyped] # has no types
from waitress.task import ThreadedTaskDispatcher  # type: ignore[import-untyped] # has no types

from hoplite.api.serving.listening import bind_all, url_of
from hoplite.api.serving.stop_signals import call_on_stop_signals
from hoplite.api.serving.uploads import AROUND_UPLOAD_BYTES
from hoplite.api.serving.waitress_channel import Channel

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from hoplite.api.serving.settings import ServingSettings

IDLE_S = 120.0
"""How long a connection is kept between two requests."""
DRAIN_S = 5.0
"""How long answers in flight may take once the server stops."""
MAX_HEADER_BYTES = 64 * 1024
_BACKLOG = 1024
_CONNECTIONS = 1000


class Listener(TcpWSGIServer):  # type: ignore[misc] # waitress has no types
    """One listening socket."""

    channel_class = Channel
    stopping = False
    served_by = "waitress"
    # Connections are looked after by WaitressServer, outside the walk over them.
    next_channel_cleanup = math.inf


class WaitressServer:
    """waitress over given sockets.  ``run`` serves until ``stop``, which any thread may call."""

    def __init__(
        self,
        app: WSGIApplication,
        sockets: Sequence[socket.socket],
        *,
        threads: int,
        request_timeout_s: float,
        max_body_bytes: int,
        max_upload_bytes: int | None = None,
        served_by: str = "waitress",
    ) -> None:
        # waitress warns of every request that waits for a thread.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._timeout_s = request_timeout_s
        self._stop = threading.Event()
        self._map: dict[int, Any] = {}
        self._adjustments = _adjustments(threads, max_body_bytes)
        largest = max_body_bytes if max_upload_bytes is None else max_upload_bytes
        self._adjustments.for_uploads = _adjustments(threads, largest + AROUND_UPLOAD_BYTES)
        self._threads = ThreadedTaskDispatcher()
        self._threads.set_thread_count(threads)
        self._listeners = [self._listen(app, sock, served_by) for sock in sockets]
        self.url = url_of(sockets[0])

    def _listen(self, app: WSGIApplication, sock: socket.socket, served_by: str) -> Listener:
        listener = Listener(
            app,
            self._map,
            True,
            sock,
            dispatcher=self._threads,
            adj=self._adjustments,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )
        listener.served_by = served_by
        return listener

    def run(self, on_stop: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop``; then take no more connections, call ``on_stop``, let the answers
        in flight end (for at most DRAIN_S) and return."""
        try:
            while not self._stop.is_set():
                self._turn()
        finally:
            self._stop_listening()
            try:
                on_stop()
            finally:
                self._drain()

    def stop(self) -> None:
        """End ``run``.  Safe in signal handlers."""
        self._stop.set()
        for listener in self._listeners:
            # The loop may have seen the flag already, and have closed its pipe.
            with contextlib.suppress(OSError):
                listener.pull_trigger()

    def _turn(self, timeout_s: float = 1.0) -> None:
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self._map, count=1)
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + 1.0
            self._look_after_connections(now)

    _next_look = 0.0

    def _channels(self) -> list[Channel]:
        return [each for each in list(self._map.values()) if isinstance(each, Channel)]

    def _look_after_connections(self, now: float) -> None:
        channels = self._channels()
        for channel in channels:
            channel.cut_off_if_stalled(now, self._timeout_s, IDLE_S)
        if len(self._map) >= self._adjustments.connection_limit:
            # Else a client could shut out all others with connections that it does not use.
            idle = sorted(
                (each for each in channels if each.connected and each.is_idle()),
                key=lambda each: float(each.last_activity),
            )
            for channel in idle[: len(channels) // 4 + 1]:
                channel.handle_close()

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.stopping = True
            # Not the listener's own close: its trigger still wakes us for the answers in flight.
            wasyncore.dispatcher.close(listener)

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_S
        while time.monotonic() < deadline:
            for channel in self._channels():
                if not (channel.requests or channel.total_outbufs_len):
                    channel.handle_close()
            if not self._channels():
                break
            self._turn(0.1)
        # No channel is left, or its time is over: idle threads end at once.
        self._threads.shutdown(timeout=0.5)
        wasyncore.close_all(self._map)


def serve_with_waitress(
    load_app: Callable[[], WSGIApplication],
    settings: ServingSettings,
    *,
    on_listening: Callable[[str], None],
    on_stop: Callable[[], None],
) -> None:
    """See :func:`hoplite.api.serving.serve`."""
    sockets = bind_all(settings.host, settings.port)
    try:
        app = load_app()
        server = WaitressServer(
            app,
            sockets,
            threads=settings.threads + settings.max_streams,
            request_timeout_s=settings.request_timeout,
            max_body_bytes=settings.max_body_bytes,
            max_upload_bytes=settings.max_upload_bytes,
        )
        with call_on_stop_signals(server.stop):
            on_listening(server.url)
            server.run(on_stop)
    finally:
        for sock in sockets:
            sock.close()


def _adjustments(threads: int, max_body_bytes: int) -> Any:
    return Adjustments(
        threads=threads,
        backlog=_BACKLOG,
        connection_limit=_connection_limit(),
        # One request read ahead: without it waitress does not notice that a client is gone.
        channel_request_lookahead=1,
        # waitress refuses what is as large as its limit.
        max_request_body_size=max_body_bytes + 1,
        max_request_header_size=MAX_HEADER_BYTES,
        recv_bytes=64 * 1024,
        asyncore_use_poll=True,
        # The application decides whose proxy headers count (hoplite.api.auth.proxy).
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,
        ident="hoplite",
        server_name="localhost",
    )


def _connection_limit() -> int:
    try:
        import resource
    except ImportError:
        return _CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Half of the descriptors are left to the journal, the jobs and their logs.
    return _CONNECTIONS if files < 0 else max(64, min(_CONNECTIONS, files // 2))

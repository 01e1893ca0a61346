"""One thread that waits for descriptors and times, and calls back."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)
_Call = Callable[[], None]


class EventLoop:
    """All calls happen in its thread, one at a time.  ``call_at`` and ``call_soon`` may be used
    from any thread, ``watch`` and ``unwatch`` from its own (or before ``start``)."""

    def __init__(self, name: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._notified = socket.socketpair()
        self._wakeup.setblocking(False)
        self._notified.setblocking(False)
        self._selector.register(self._notified, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._due: list[tuple[float, int, _Call]] = []
        self._order = itertools.count()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Make no more calls; returns when the thread is done with the one under way.  A loop that
        was never started may be stopped too."""
        self._stopping = True
        self._wake()
        if self._thread.ident is None:
            self._close()
        elif self._thread is not threading.current_thread():
            self._thread.join()

    def call_soon(self, call: _Call) -> None:
        self.call_at(0.0, call)

    def call_later(self, delay_s: float, call: _Call) -> None:
        self.call_at(time.monotonic() + delay_s, call)

    def call_at(self, when: float, call: _Call) -> None:
        """``when`` is a time of :func:`time.monotonic`."""
        with self._lock:
            heapq.heappush(self._due, (when, next(self._order), call))
        if threading.current_thread() is not self._thread:
            self._wake()

    def watch(self, descriptor: int, call: _Call) -> None:
        """Call when ``descriptor`` can be read, for as long as it can."""
        self._selector.register(descriptor, selectors.EVENT_READ, call)

    def unwatch(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wakeup.send(b"\0")

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(self._pause()):
                if key.data is None:
                    self._notified.recv(4096)
                elif not self._stopping:
                    _call(key.data)
            self._call_what_is_due()
        self._close()

    def _close(self) -> None:
        self._selector.close()
        self._wakeup.close()
        self._notified.close()

    def _pause(self) -> float | None:
        with self._lock:
            return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _call_what_is_due(self) -> None:
        now = time.monotonic()
        while not self._stopping:
            with self._lock:
                if not self._due or self._due[0][0] > now:
                    return
                call = heapq.heappop(self._due)[2]
            _call(call)


def _call(call: _Call) -> None:
    try:
        call()
    except Exception:  # noqa: BLE001 - a defect in one job's handling must not stop all the others'
        _log.exception("the execution engine's loop goes on after an error")

"""The worker's half: loads the application and tells it of the start and the stop."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import msgspec

from hoplite.api.serving.environ import SERVED_BY
from hoplite.api.serving.error_answer import answer_error
from hoplite.api.serving.granian_body import Bodies
from hoplite.api.serving.upload_admission import refusal_of
from hoplite.exceptions import HopliteError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
_LISTENING_WITHIN_S = 30.0
_PR_SET_PDEATHSIG = 1


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """Called by granian in the worker, in its main thread, to load the application."""

    load_app: Callable[[], WSGIApplication]
    on_listening: Callable[[str], None]
    on_stop: Callable[[], None]
    url: str
    address: tuple[str, int]
    parent: int
    threads: int
    max_body_bytes: int
    max_upload_bytes: int
    failure: Connection
    """Takes ``(code, message)`` of the error for which the server cannot start."""

    def __call__(self) -> WSGIApplication:
        # A forked worker has the parent's handlers, which would only set a flag of the parent.
        for signum in _STOP_SIGNALS:
            signal.signal(signum, signal.SIG_DFL)
        _stop_with_parent(self.parent)
        try:
            app = self.load_app()
        except HopliteError as error:
            self.failure.send((error.code, error.message))
            os.kill(self.parent, signal.SIGTERM)
            raise SystemExit(1) from error
        _call_on_stop_signal(self.on_stop)
        threading.Thread(target=self._announce, name="announce", daemon=True).start()
        # Half of the threads: streams have threads of their own beside these.
        bodies = Bodies(
            waiting=max(1, self.threads // 2),
            max_bytes=self.max_body_bytes,
            max_upload_bytes=self.max_upload_bytes,
        )
        return GranianApp(app, bodies)

    def _announce(self) -> None:
        deadline = time.monotonic() + _LISTENING_WITHIN_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(_reachable(self.address), timeout=1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                self.on_listening(self.url)
                return


class GranianApp:
    """The application, with the environ put right and the body received."""

    def __init__(self, app: WSGIApplication, bodies: Bodies) -> None:
        self._app = app
        self._bodies = bodies
        # granian lays each request's keys over the process's environment, in which HTTP_PROXY, for
        # one, would look like a header of the client.
        self._of_process = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("HTTP_", "REMOTE_", "CONTENT_", "wsgi.", "hoplite."))
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name, value in self._of_process.items():
            if environ.get(name) == value:
                del environ[name]
        environ[SERVED_BY] = "granian"
        if self._bodies.is_large_upload(environ):
            refused = refusal_of(self._app, environ)
            if refused is not None:
                start_response(refused.status, refused.headers)
                return [refused.body]
        try:
            self._bodies.receive(environ)
        except HopliteError as refusal:
            return answer_error(refusal, environ, start_response)
        return self._app(environ, start_response)


def _reachable(address: tuple[str, int]) -> tuple[str, int]:
    host, port = address
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


def _stop_with_parent(parent: int) -> None:
    """Let the kernel send SIGTERM when the parent dies, which else nobody would notice."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)


def _call_on_stop_signal(on_stop: Callable[[], None]) -> None:
    """Call it in a thread at the first SIGTERM or SIGINT.

    granian sets its own handlers after the application is loaded; Python's wake-up descriptor gets
    the number of every signal whoever handles it.
    """
    wakes, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.detach(), warn_on_full_buffer=False)

    def wait() -> None:
        # Not a daemon, so that the process does not end before on_stop has; it must therefore
        # end by itself where the main thread ends without a signal.
        main = threading.main_thread()
        stopping = False
        while main.is_alive():
            ready, _, _ = select.select([wakes], [], [], 0.5)
            signals = set(wakes.recv(64)) if ready else set()
            if stopping or not signals & _STOP_SIGNALS:
                continue
            stopping = True
            on_stop()
            if main.is_alive() and main.ident is not None:
                # The kernel may have given the signal to another thread; then the main thread,
                # which alone runs granian's handler, sleeps on.
                signal.pthread_kill(main.ident, signal.SIGTERM)

    threading.Thread(target=wait, name="stop").start()

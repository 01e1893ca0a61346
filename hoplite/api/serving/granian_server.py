"""granian: a parent that keeps one worker alive, and TLS.

The application lives in the worker.  When a worker dies, the parent starts another, which loads the
application anew.  granian tells the application neither the client's port nor the end of a
connection, so kernel identity is not to be had.  The requests that granian itself refuses are not
answered in JSON, and a client that trickles its body in is contained (``granian_body``), not cut
off.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from hoplite.api.serving.granian_worker import Worker
from hoplite.api.serving.listening import bind_all, url_at
from hoplite.api.serving.stop_signals import stops_on_hangup
from hoplite.exceptions import from_answer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from hoplite.api.serving.settings import ServingSettings

STOP_S = 15
"""How long the worker may take to stop before it is killed."""
_TO_STDERR = {
    "class": "logging.StreamHandler",
    "formatter": "generic",
    "stream": "ext://sys.stderr",
}
_LOGGING = {"handlers": {"console": _TO_STDERR, "access": _TO_STDERR}}


class _Parent(MPServer):
    """granian's parent process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._nohup = not stops_on_hangup()
        super().__init__(*args, **kwargs)
        self.main_loop_interrupt = _AttentiveEvent()

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        """SIGHUP stops, as with waitress, for the terminal is closed.  granian would start a second
        worker beside the first, which cannot have the data directory."""
        if not self._nohup:
            self.signal_handler_interrupt(*args, **kwargs)

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        if self.interrupt_signal and args and args[0] == signal.SIGINT:
            for worker in self.wrks:
                worker.kill()  # type: ignore[no-untyped-call] # granian leaves it untyped
            os._exit(128 + signal.SIGINT)
        super().signal_handler_interrupt(*args)  # type: ignore[no-untyped-call] # as above


class _AttentiveEvent(threading.Event):
    """An event whose ``wait`` lets signal handlers run even if the signal woke another thread, as
    happens to the second of two that come at once."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            return super().wait(timeout)
        while not super().wait(0.5):
            pass
        return True


def serve_with_granian(
    load_app: Callable[[], WSGIApplication],
    settings: ServingSettings,
    *,
    on_listening: Callable[[str], None],
    on_stop: Callable[[], None],
) -> None:
    """See :func:`hoplite.api.serving.serve`."""
    address, port = _free_address(settings)
    scheme = "https" if settings.tls_cert else "http"
    failures, failure = multiprocessing.Pipe(duplex=False)
    worker = Worker(
        load_app=load_app,
        on_listening=on_listening,
        on_stop=on_stop,
        url=url_at(address, port, scheme),
        address=(address, port),
        parent=os.getpid(),
        threads=settings.threads,
        max_body_bytes=settings.max_body_bytes,
        max_upload_bytes=settings.max_upload_bytes,
        failure=failure,
    )
    parent = _parent(settings, address, port)
    try:
        parent.serve(target_loader=worker, wrap_loader=False)
    except SystemExit:
        # After Ctrl-C, which reaches the worker too, granian takes its end for a failure.
        if not parent.interrupt_signal:
            raise
    _raise_what_the_worker_said(failures)


def _free_address(settings: ServingSettings) -> tuple[str, int]:
    """The address to listen on.  The worker binds it with SO_REUSEPORT, with which a second server
    of the same user would share the port unnoticed: so it is tried here without."""
    sockets = bind_all(settings.host, settings.port)
    address, port = sockets[0].getsockname()[:2]
    for sock in sockets:
        sock.close()
    return str(address), int(port)


def _parent(settings: ServingSettings, address: str, port: int) -> _Parent:
    return _Parent(
        "hoplite",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=settings.threads + settings.max_streams,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=int(settings.request_timeout * 1000)),
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
        ssl_cert=_path(settings.tls_cert),
        ssl_key=_path(settings.tls_key),
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_S,
    )


def _path(path: Path | None) -> Path | None:
    return None if path is None else Path(path)


def _raise_what_the_worker_said(failures: Connection) -> None:
    if failures.poll():
        code, message = failures.recv()
        raise from_answer(code, message)

"""The seam to the HTTP server: :func:`serve`, over waitress or granian."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hoplite.api.serving.environ import client_disconnected
from hoplite.exceptions import SettingError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from hoplite.api.serving.settings import ServingSettings

__all__ = ["client_disconnected", "serve"]


def serve(
    load_app: Callable[[], WSGIApplication],
    settings: ServingSettings,
    *,
    on_listening: Callable[[str], None],
    on_stop: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT, or raise SettingError if the address cannot be had.

    All three functions are called in the process that answers requests: this one with waitress, a
    worker with granian (again in each new worker, if one dies), to which they are pickled where
    the platform has no fork.

    - ``load_app()`` makes the WSGI application, once the address is known to be free.
    - ``on_listening(url)`` is called when clients can connect; ``url`` reaches the server from
      this machine.
    - ``on_stop()`` is called once, when no more connections are taken and answers in flight still
      run: it tells streams to end.  The answers get a few seconds, then their connections close.

    A second SIGINT ends the process at once.
    """
    if settings.http == "waitress":
        from hoplite.api.serving.waitress_server import serve_with_waitress as chosen
    elif settings.http == "granian":
        from hoplite.api.serving.granian_server import serve_with_granian as chosen
    else:
        raise SettingError(
            f"http: {settings.http!r} is no server; choose 'waitress' or 'granian'", field="http"
        )
    chosen(load_app, settings, on_listening=on_listening, on_stop=on_stop)

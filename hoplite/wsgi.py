"""``hoplite.wsgi:app``, for those who bring their own WSGI server.

One process, any number of threads: the job manager lives in it, and a second process is refused by
the lock of the data directory.  Settings come from the configuration file and ``HOPLITE_*``.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

from hoplite.api.serving.environ import SERVED_BY
from hoplite.api.serving.error_answer import answer_error
from hoplite.exceptions import InternalServerError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def __getattr__(name: str) -> Any:
    """``app`` is made when a server asks for it, not when the module is imported."""
    if name == "app":
        return _app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class ForeignServerApp:
    """The application under a server that knows nothing of it."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._pid = os.getpid()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if os.getpid() != self._pid:
            # The manager's threads stayed in the process that loaded it.
            refusal = InternalServerError(
                "hoplite was loaded before the server forked: load it in the worker "
                "(gunicorn without --preload, uwsgi with --lazy-apps)"
            )
            return answer_error(refusal, environ, start_response)
        # Never taken for a call from within the process, whatever the server leaves out.
        environ[SERVED_BY] = "wsgi"
        return self._app(environ, start_response)


@functools.cache
def _app() -> ForeignServerApp:
    from hoplite.api.factory import app_of
    from hoplite.settings import read

    return ForeignServerApp(app_of(read()))

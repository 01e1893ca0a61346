"""Where jobs of this machine report to when the server's own address cannot be used."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from hoplite.api.serving.error_answer import answer_error
from hoplite.api.serving.listening import bind_all
from hoplite.api.serving.waitress_server import WaitressServer
from hoplite.exceptions import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_STATUS_OF_A_JOB = re.compile(r"/jobs/[^/]+")
_THREADS = 4
_REQUEST_TIMEOUT_S = 30.0


class ReportListener:
    """A private server on loopback that takes nothing but ``PUT /jobs/<uuid>``.

    For servers whose own address is unknown to the application (granian, foreign WSGI servers,
    embedding) or speaks TLS only.  The key of the job is what authorises a status, as everywhere.
    ``close`` may be called twice.
    """

    def __init__(self, app: WSGIApplication, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._server: WaitressServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Begin to listen; the URL to report to."""
        self._server = WaitressServer(
            self._only_status,
            bind_all("127.0.0.1", 0),
            threads=_THREADS,
            request_timeout_s=_REQUEST_TIMEOUT_S,
            max_body_bytes=self._max_body_bytes,
            served_by="report",
        )
        self._thread = threading.Thread(target=self._server.run, name="reports", daemon=True)
        self._thread.start()
        return self._server.url

    def close(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
        self._server = None

    def _only_status(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] == "PUT" and _STATUS_OF_A_JOB.fullmatch(path):
            return self._app(environ, start_response)
        refusal = NotFoundError("jobs report their status here, by PUT /jobs/<uuid>; nothing else")
        return answer_error(refusal, environ, start_response)

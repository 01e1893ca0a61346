"""The floor under a route: a Flask app of two lines on the same HTTP server.

``python -m tests.benchmarks.bare_flask BODY`` prints its URL and serves until its stdin ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

from flask import Flask, Response, request

from hoplite.api.serving import serve
from hoplite.settings.fields import Settings


@contextlib.contextmanager
def bare_flask(body: bytes) -> Iterator[str]:
    """Such a server in a process of its own; its URL.  ``GET`` and ``PUT /jobs/<ref>`` answer
    ``body``."""
    command = [sys.executable, "-m", "tests.benchmarks.bare_flask", body.decode()]
    # In a session of its own like our server: Linux shares the CPUs out among sessions.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait()


def app(body: str) -> Flask:
    bare = Flask("bare")

    @bare.get("/jobs/<ref>")
    def get(ref: str) -> Response:
        return Response(body, mimetype="application/json")

    @bare.put("/jobs/<ref>")
    def put(ref: str) -> Response:
        request.get_json()
        return Response(body, mimetype="application/json")

    return bare


def _end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    serve(
        lambda: app(sys.argv[1]),
        Settings(port=0),
        on_listening=lambda url: print(url, flush=True),
        on_stop=lambda: None,
    )

"""The floor under a route: a Flask app of a few lines on the same HTTP server.

``python -m tests.benchmarks.bare_flask BODY [FILE BYTES]`` prints its URL and serves until its stdin
ends.  With FILE each PUT writes so many bytes to it, and has them on the disk before it is answered.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from flask import Flask, Response, request

from hoplite.api.serving import serve
from hoplite.settings.fields import Settings


@contextlib.contextmanager
def bare_flask(body: bytes, durable: tuple[Path, int] | None = None) -> Iterator[str]:
    """Such a server in a process of its own; its URL.  ``GET`` and ``PUT /jobs/<ref>`` answer
    ``body``; ``durable`` is the file that each PUT writes to, and how many bytes."""
    command = [sys.executable, "-m", "tests.benchmarks.bare_flask", body.decode()]
    command += map(str, durable or ())
    # In a session of its own like our server: Linux shares the CPUs out among sessions.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait()


def app(body: str, file: str | None = None, size: str = "0") -> Flask:
    bare = Flask("bare")
    write = None if file is None else _writer(file, int(size))

    @bare.get("/jobs/<ref>")
    def get(ref: str) -> Response:
        return Response(body, mimetype="application/json")

    @bare.put("/jobs/<ref>")
    def put(ref: str) -> Response:
        request.get_json()
        if write is not None:
            write()
        return Response(body, mimetype="application/json")

    return bare


def _writer(file: str, size: int) -> Callable[[], None]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
    os.write(descriptor, bytes(size))
    os.fsync(descriptor)
    data, one_at_a_time = os.urandom(size), threading.Lock()

    def write() -> None:
        with one_at_a_time:
            os.pwrite(descriptor, data, 0)
            os.fdatasync(descriptor)

    return write


def _end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    serve(
        lambda: app(*sys.argv[1:]),
        Settings(port=0),
        on_listening=lambda url: print(url, flush=True),
        on_stop=lambda: None,
    )

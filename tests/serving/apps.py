"""A small application whose routes show what a server does with slow and broken clients."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask, Response, jsonify, request

from hoplite.api.serving import client_disconnected

STOPPING = threading.Event()


def make_app() -> Flask:
    app = Flask("tests.serving.apps")
    gone = threading.Event()

    @app.get("/environ")
    def show_environ() -> Response:
        return jsonify({key: repr(value) for key, value in request.environ.items()})

    @app.get("/pid")
    def pid() -> Response:
        return jsonify(os.getpid())

    @app.route("/length", methods=["POST", "PUT"])
    def length() -> Response:
        return jsonify(len(request.get_data()))

    @app.get("/slow")
    def slow() -> Response:
        time.sleep(request.args.get("seconds", 1.0, type=float))
        return jsonify("slept")

    @app.get("/stream")
    def stream() -> Response:
        def lines() -> Iterator[bytes]:
            yield b"begin\n"
            STOPPING.wait(30)
            yield b"end\n"

        return Response(lines(), mimetype="text/plain")

    @app.get("/large")
    def large() -> Response:
        return Response(b"x" * 12_000_000, mimetype="text/plain")

    @app.get("/poll")
    def poll() -> Response:
        is_gone = client_disconnected(request.environ)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if is_gone():
                gone.set()
                break
            time.sleep(0.05)
        return jsonify("polled")

    @app.get("/gone")
    def show_gone() -> Response:
        return jsonify(gone.wait(2))

    @app.get("/inheritable")
    def inheritable() -> Response:
        """Descriptors, but the standard three, that a child would get."""
        found = []
        for name in Path("/proc/self/fd").iterdir():
            fd = int(name.name)
            try:
                if fd > 2 and os.get_inheritable(fd):
                    found.append(str(name.readlink()))
            except OSError:
                continue
        return jsonify(found)

    @app.put("/jobs/<ref>")
    def status(ref: str) -> Response:
        return jsonify(ref=ref, served_by=request.environ["hoplite.served_by"])

    return app

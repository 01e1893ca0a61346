"""``hoplite.wsgi:app`` under a server that is not ours."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import requests

from tests.server.process import PLUGINS, wait_until


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_jobs_run_under_somebody_elses_server(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = f"from waitress import serve; from hoplite.wsgi import app; serve(app, port={port}, host='127.0.0.1')"
    environ = {
        "HOPLITE_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(PLUGINS),
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    process = subprocess.Popen([sys.executable, "-c", program], env=environ)
    try:

        def answers() -> bool:
            try:
                return requests.get(f"{url}/health", timeout=5).ok
            except requests.ConnectionError:
                return False

        wait_until(answers, "the server to listen")
        body = {"name": "golden.echo", "config": {"a": 1}, "run": True}
        job = requests.post(f"{url}/jobs", json=body, timeout=10).json()
        ended = requests.get(f"{url}/jobs/{job['uuid']}?wait=20", timeout=30).json()
        assert (ended["outcome"], ended["status"]) == ("succeeded", {"echo": {"a": 1}})
    finally:
        process.kill()
        process.wait()

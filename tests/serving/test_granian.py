"""What only granian does: a parent that keeps a worker alive, and TLS."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
import requests

from tests.serving.conftest import Start
from tests.serving.process import wait_until

pytest.importorskip("granian", reason="granian is not installed")


def test_a_worker_that_dies_is_replaced_and_the_application_loaded_anew(start: Start) -> None:
    server = start("granian")
    first = server.listening()
    worker = server.get("/pid")
    assert worker != server.process.pid
    os.kill(worker, signal.SIGKILL)
    server.line("load")
    assert server.listening() == first
    assert server.get("/pid") != worker
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 0


def test_the_worker_does_not_outlive_its_parent(start: Start) -> None:
    server = start("granian")
    server.listening()
    server.process.kill()
    server.line("stop")
    assert server.ended() == -signal.SIGKILL


def test_the_processes_environment_does_not_look_like_headers(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("REMOTE_PORT", "1")
    server = start("granian")
    server.listening()
    environ = server.get("/environ")
    assert "HTTP_PROXY" not in environ
    assert "REMOTE_PORT" not in environ


HEAD = "HTTP/1.1\r\nHost: localhost\r\n"


def test_bodies_that_trickle_in_do_not_hinder_requests_without_a_body(start: Start) -> None:
    server = start("granian")
    server.listening()
    with ExitStack() as stack:
        poll = select.poll()
        for _ in range(20):
            client = stack.enter_context(server.connect())
            client.send(f"POST /length {HEAD}Content-Length: 5000\r\n\r\nabc")
            poll.register(client.socket, select.POLLIN)
        # Half of the four threads wait for bodies; the others' clients are told so.
        assert wait_until(lambda: len(poll.poll(0)) == 18)
        assert server.get("/pid")


@pytest.mark.parametrize("length", ["Content-Length: 200000", "Transfer-Encoding: chunked"])
def test_a_body_over_the_limit_is_refused_in_json(start: Start, length: str) -> None:
    server = start("granian")
    server.listening()
    body = b"x" * 200_000
    with server.connect() as client:
        client.send(f"POST /length {HEAD}{length}\r\n\r\n")
        client.send(body if "Length" in length else b"30d40\r\n" + body + b"\r\n0\r\n\r\n")
        status, answer = client.answer()
        assert (status, msgspec.json.decode(answer)["code"]) == (413, "too-large")
        assert server.get("/pid")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_tls(start: Start, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-out", certificate, "-keyout",
         key],
        check=True, capture_output=True,
    )  # fmt: skip
    server = start("granian", tls_cert=str(certificate), tls_key=str(key))
    url = server.listening()
    assert url.startswith("https://127.0.0.1:")
    answer = requests.get(f"{url}/environ", verify=str(certificate), timeout=10)
    assert answer.json()["wsgi.url_scheme"] == "'https'"

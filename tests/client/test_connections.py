"""What can go wrong between a client and a server: each a named exception with advice."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from hoplite.client import RemoteJob, RemoteJobManager, is_hoplite_available
from hoplite.client.helpers import ClientMixin
from hoplite.exceptions import (
    ConnectionError,
    HopliteError,
    HostNotFoundError,
    InternalServerError,
    InvalidFieldError,
    JobAlreadyStartedError,
    NoAnswerError,
    NotAuthenticatedError,
    StorageFullError,
    TlsError,
    UnavailableError,
)
from tests.client.scripted_server import answer, answering
from tests.conftest import MakeServer
from tests.server.process import ServerProcess

JOB = {"uuid": "u", "id": 1, "name": "x", "version": 3, "outcome": None, "finished": False}
HUNG_UP = b""


def test_nobody_listens() -> None:
    with (
        RemoteJobManager("127.0.0.1:1", retry_s=0.2) as manager,
        pytest.raises(ConnectionError, match="is hoplite-server running there") as failed,
    ):
        manager.create_job("golden.noop")
    assert failed.value.addr == "http://127.0.0.1:1"
    with pytest.raises(ConnectionError):
        RemoteJob("127.0.0.1", 1, uuid="some-uuid", retry_s=0)


def test_no_such_host() -> None:
    with (
        RemoteJobManager("no-such-host.invalid") as manager,
        pytest.raises(HostNotFoundError, match=r"'no-such-host.invalid' is not known"),
    ):
        manager.get_job_plugins()
    assert isinstance(HostNotFoundError("x"), ConnectionError)


def test_a_server_that_comes_late(make_server: MakeServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    server = make_server("--port", str(port))
    thread = threading.Thread(target=server.start)
    thread.start()
    with RemoteJobManager("127.0.0.1", port) as manager:
        manager.wait_for_available(retry_period_s=0.05, retries=400)
        assert manager.run("golden.noop").outcome == "succeeded"
    thread.join()


def test_a_request_that_may_be_repeated_is_repeated() -> None:
    good = answer(200, {"job_plugins": ["a"]})
    busy = answer(503, {"error": "busy", "code": "unavailable"})
    full = answer(507, {"error": "full", "code": "storage-full"})
    gateway = answer(502, b"<html>")
    with (
        answering(HUNG_UP, busy, full, gateway, good) as server,
        RemoteJobManager(server.address) as manager,
    ):
        assert manager.get_job_plugins() == ["a"]
        assert len(server.requests) == 5


def test_a_new_job_is_asked_for_with_one_key() -> None:
    with (
        answering(HUNG_UP, answer(201, {"job": JOB})) as server,
        RemoteJobManager(server.address) as manager,
    ):
        assert manager.create_job("x", {"a": 1}).uuid == "u"
        first, second = server.requests
        assert first == second
        assert b"Idempotency-Key: " in first
        manager.create_job("x", {"a": 1})
        assert server.requests[2] != first


def test_a_start_that_was_done_unheard_is_done() -> None:
    started = answer(403, {"error": "twice", "code": "job-already-started"})
    with (
        answering(answer(200, {"job": JOB}), HUNG_UP, started) as server,
        RemoteJob(server.address, uuid="u") as job,
    ):
        assert job.start() is True
        with pytest.raises(JobAlreadyStartedError):
            job.start()


def test_patience_has_an_end() -> None:
    busy = answer(503, {"error": "busy", "code": "unavailable"}, "Retry-After: 3600")
    full = answer(507, {"error": "full", "code": "storage-full"})
    for said, error in (
        (busy, UnavailableError),
        (full, StorageFullError),
        (HUNG_UP, NoAnswerError),
    ):
        with (
            answering(said) as server,
            RemoteJobManager(server.address, retry_s=0.3) as manager,
            pytest.raises(error),
        ):
            manager.get_job_plugins()
        assert len(server.requests) < 12
    assert len(server.requests) > 1


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (HUNG_UP, "hung up"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "hung up without a whole answer"),
        (b"SSH-2.0-OpenSSH_9\r\n", "hung up"),
        (None, "no answer within 0.2 s"),
    ],
)
def test_answers_that_do_not_come(said: bytes | None, words: str) -> None:
    with (
        answering(said) as server,
        RemoteJobManager(server.address, timeout_s=0.2, retry_s=0) as manager,
        pytest.raises(NoAnswerError, match=words),
    ):
        manager.get_job_plugins()


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (answer(200, b"<html>hello"), HopliteError, "is no hoplite server"),
        (answer(200, []), HopliteError, "is no hoplite server"),
        (answer(200, {"other": 1}), HopliteError, "is no hoplite server"),
        (answer(404, b"<html>hello"), HopliteError, "answered 404: <html>hello"),
        (answer(500, b"<html>hello"), InternalServerError, "answered 500"),
        (
            answer(500, {"error": "defect", "code": "internal-server-error"}),
            InternalServerError,
            "^defect$",
        ),
        (answer(418, {"error": "tea", "code": "from-the-future"}), HopliteError, "tea"),
        (answer(302, b"", "Location: /login"), HopliteError, "has moved to /login"),
    ],
)
def test_answers_of_another_kind(said: bytes, kind: type[HopliteError], words: str) -> None:
    with (
        answering(said) as server,
        RemoteJobManager(server.address) as manager,
        pytest.raises(kind, match=words),
    ):
        manager.get_job_plugins()


def test_the_field_that_is_wrong_is_told() -> None:
    said = answer(400, {"error": "x: bad", "code": "invalid-field", "field": "x"})
    with (
        answering(said) as server,
        RemoteJobManager(server.address) as manager,
        pytest.raises(InvalidFieldError) as refused,
    ):
        manager.create_job("x")
    assert refused.value.field == "x"


def test_ipv6(make_server: MakeServer) -> None:
    server = make_server("--host", "::1").start()
    if not server.url:
        pytest.skip("this machine has no IPv6 loopback")
    port = int(server.url.rpartition(":")[2])
    for address in (server.url, f"[::1]:{port}"):
        with RemoteJobManager(address) as manager:
            assert manager.run("golden.noop").outcome == "succeeded"
            assert (manager.address, manager.port) == ("::1", port)
    assert is_hoplite_available("::1", port)


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with RemoteJobManager(server.url) as manager:
        assert manager.is_available()
    with (
        RemoteJobManager("build.example.org", retry_s=0) as manager,
        pytest.raises(ConnectionError, match="name build.example.org in NO_PROXY"),
    ):
        manager.get_job_plugins()


@pytest.fixture
def tls_server(make_server: MakeServer, certificate: tuple[Path, Path]) -> ServerProcess:
    pytest.importorskip("granian")
    cert, key = certificate
    server = make_server(
        "--http", "granian", "--auth", "users", "--tls-cert", str(cert), "--tls-key", str(key),
    ).start()  # fmt: skip
    assert server.url.startswith("https://"), server.log_text()
    return server


def test_https(
    tls_server: ServerProcess, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, trusted = tls_server.url, certificate[0]
    with RemoteJobManager(url, verify=trusted) as manager:
        assert manager.is_available()
        with pytest.raises(NotAuthenticatedError):
            manager.get_job_plugins()
    with RemoteJobManager(url) as manager:
        with pytest.raises(TlsError, match=r"its certificate is not trusted .*verify="):
            manager.get_job_plugins()
        assert not manager.is_available()
    wrong_name = url.replace("127.0.0.1", "localhost")
    with (
        RemoteJobManager(wrong_name, verify=trusted) as manager,
        pytest.raises(TlsError, match="verify="),
    ):
        manager.get_job_plugins()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    assert is_hoplite_available(url)


def test_plain_http_where_tls_is_spoken_and_the_reverse(
    tls_server: ServerProcess, server: ServerProcess
) -> None:
    plain = tls_server.url.replace("https", "http")
    with RemoteJobManager(plain, retry_s=0) as manager, pytest.raises(HopliteError):
        manager.get_job_plugins()
    with (
        RemoteJobManager(server.url.replace("http", "https"), timeout_s=0.5) as manager,
        pytest.raises(TlsError, match="it speaks no TLS, perhaps: give its address with http://"),
    ):
        manager.get_job_plugins()
    with (
        answering(b"HTTP/1.1 400 Bad\r\n\r\n") as other,
        RemoteJobManager(f"https://{other.address}") as manager,
        pytest.raises(TlsError, match="it speaks no TLS"),
    ):
        manager.get_job_plugins()


def test_the_mixin_of_hoplite_15(server: ServerProcess) -> None:
    mixin = ClientMixin()
    created = mixin.jpost(f"{server.url}/jobs", data={"name": "golden.noop"})
    assert created.status_code == 201
    job = f"{server.url}/jobs/{created.json()['uuid']}"
    assert mixin.jget(job).json()["job"]["state"] == "Hold"
    assert mixin.jput(f"{job}/start").json()["started"]
    assert mixin.jpatch(job, data={}).status_code == 405
    server.ended(created.json()["uuid"])
    assert mixin.jdelete(job).json()["deleted"]
    with answering(answer(500, b"oh")) as broken, pytest.raises(InternalServerError, match="oh"):
        mixin.jget(f"http://{broken.address}/")

"""What both servers do alike."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from tests.serving.conftest import Start
from tests.serving.process import Served


def test_port_0_takes_a_free_port_and_tells_its_url(server: Served) -> None:
    url = server.listening()
    assert url.startswith("http://127.0.0.1:")
    assert not url.endswith(":0")
    assert server.get("/pid")


def test_the_application_is_loaded_before_clients_are_let_in(server: Served) -> None:
    assert server.line("load") == ""
    server.listening()


def test_an_ipv6_url_has_brackets(http: str, start: Start) -> None:
    server = start(http, host="::1")
    assert server.listening().startswith("http://[::1]:")
    assert server.get("/pid")


def test_the_environ_says_who_serves(http: str, server: Served) -> None:
    server.listening()
    environ = server.get("/environ")
    assert environ["hoplite.served_by"] == repr(http)
    assert "hoplite.in_process" not in environ


def test_the_environ_tells_both_ends_of_the_connection(start: Start) -> None:
    """What kernel identity needs; granian tells neither."""
    server = start("waitress")
    port = int(server.listening().rpartition(":")[2])
    environ = server.get("/environ")
    assert environ["REMOTE_ADDR"] == "'127.0.0.1'"
    assert environ["REMOTE_PORT"].strip("'").isdecimal()
    assert environ["hoplite.local_address"] == f"('127.0.0.1', {port})"


def test_localhost_listens_on_all_its_addresses_with_one_port(start: Start) -> None:
    server = start("waitress", host="localhost")
    port = int(server.listening().rpartition(":")[2])
    for *_, address in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM):
        with socket.create_connection((str(address[0]), port), timeout=5):
            pass


def test_sigterm_stops_it_and_on_stop_is_called_once(server: Served) -> None:
    server.listening()
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 0
    assert server.rest() == ["stop", "returned"]


@pytest.mark.skipif(
    signal.getsignal(signal.SIGHUP) is signal.SIG_IGN,
    reason="the tests run under nohup, and so do the servers that they start",
)
def test_a_closed_terminal_stops_it_cleanly(server: Served) -> None:
    server.listening()
    os.killpg(server.process.pid, signal.SIGHUP)
    assert server.ended() == 0
    assert server.rest() == ["stop", "returned"]


def test_two_signals_at_once_stop_it_once(server: Served) -> None:
    server.listening()
    server.process.send_signal(signal.SIGHUP)
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 0
    assert server.rest() == ["stop", "returned"]


def test_ctrl_c_stops_it_cleanly(server: Served) -> None:
    """A terminal sends SIGINT to the whole process group."""
    server.listening()
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.ended() == 0
    assert server.rest() == ["stop", "returned"]


def test_an_answer_in_flight_is_finished_while_it_stops(server: Served) -> None:
    server.listening()
    with server.connect() as client:
        client.send("GET /slow?seconds=1.5 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert server.get("/pid")
        server.process.send_signal(signal.SIGTERM)
        assert client.answer() == (200, b'"slept"\n')
    assert server.ended() == 0


def test_a_stream_told_to_end_by_on_stop_ends_whole(server: Served) -> None:
    server.listening()
    with server.connect() as client:
        client.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = client.socket.recv(65536)
        while b"begin" not in got:
            got += client.socket.recv(65536)
        server.process.send_signal(signal.SIGTERM)
        assert b"end\n" in client.until_closed()
    assert server.ended() == 0
    assert server.rest() == ["stop", "returned"]


def test_a_second_sigint_ends_it_at_once(server: Served) -> None:
    server.listening()
    with server.connect() as client:
        client.send("GET /slow?seconds=30 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert server.get("/pid")
        server.process.send_signal(signal.SIGINT)
        server.line("stop")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(3) == 128 + signal.SIGINT


def test_a_port_in_use_is_refused_by_name(http: str, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = start(http, port=port)
        assert server.line("refused").startswith(f"port: {port} is in use on '127.0.0.1'")
        assert server.ended() == 3


def test_a_second_server_cannot_share_the_port(http: str, start: Start) -> None:
    port = int(start(http).listening().rpartition(":")[2])
    assert "is in use" in start(http, port=port).line("refused")


def test_an_unknown_host_is_refused_by_name(http: str, start: Start) -> None:
    server = start(http, host="no-such-host.invalid", insecure_http=True)
    assert server.line("refused").startswith("host: 'no-such-host.invalid' is no address")


def test_what_load_app_refuses_is_raised_to_the_caller(http: str, start: Start) -> None:
    server = start(http, refuse=1)
    assert server.line("refused") == "the data directory is in use"
    assert server.ended() == 3


def test_children_inherit_no_descriptor(server: Served) -> None:
    server.listening()
    assert server.get("/inheritable") == []


def test_a_body_arrives_whole_with_a_length_and_in_chunks(server: Served) -> None:
    server.listening()
    with server.connect() as client:
        head = "POST /length HTTP/1.1\r\nHost: localhost\r\n"
        assert client.ask(f"{head}Content-Length: 5\r\n\r\nabcde") == (200, b"5\n")
        chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        assert client.ask(chunked) == (200, b"7\n")


def test_a_client_that_waits_for_continue_gets_it(server: Served) -> None:
    server.listening()
    with server.connect() as client:
        client.send(
            "POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        assert client.socket.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        assert client.ask(b"abc") == (200, b"3\n")


def test_headers_that_trickle_in_are_cut_off(http: str, start: Start) -> None:
    server = start(http, request_timeout=1.0)
    server.listening()
    with server.connect() as client:
        client.send("GET /pid HTTP/1.1\r\nHost: local")
        client.until_closed()
        assert server.get("/pid")

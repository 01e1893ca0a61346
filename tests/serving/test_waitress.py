"""Slow, broken and absent clients of waitress."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec
import pytest

from tests.serving.conftest import Start
from tests.serving.process import Client, Served, wait_until

HEAD = "HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    """A server that gives a request one second; it has to outlive all that is done to it here."""
    with Served("waitress", {"request_timeout": 1.0}) as server:
        server.listening()
        yield server


def refusal(answer: tuple[int, bytes]) -> tuple[int, str, str]:
    """Status, code and exception of a JSON refusal."""
    status, body = answer
    told = msgspec.json.decode(body)
    assert set(told) == {"error", "code", "exception"}
    assert told["error"]
    return status, told["code"], told["exception"]


@contextmanager
def trickle(client: Client, piece: bytes) -> Iterator[None]:
    """Within it the client goes on sending a piece now and then, by a short socket timeout."""
    client.socket.settimeout(0.2)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            client.send(piece)
            client.socket.recv(1, 2)  # MSG_PEEK
            break
        except TimeoutError:
            continue
        except OSError:
            break
    client.socket.settimeout(10)
    yield


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (f"GET /pid {HEAD}X-Trickle: ", b"x"),
        (f"POST /length {HEAD}Content-Length: 90000\r\n\r\n", b"x"),
        (f"POST /length {HEAD}Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["headers", "body", "chunks"],
)
def test_a_request_that_trickles_in_is_answered_408(
    hasty: Served, begin: str, piece: bytes
) -> None:
    with hasty.connect() as client:
        client.send(begin)
        with trickle(client, piece):
            expected = (408, "request-timed-out", "RequestTimedOutError")
            assert refusal(client.answer()) == expected


def test_trickling_clients_do_not_hinder_others(hasty: Served) -> None:
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(hasty.connect()).send(f"GET /pid {HEAD}X-Trickle: ")
        began = time.monotonic()
        assert hasty.get("/pid")
        assert time.monotonic() - began < 0.5


def test_a_slow_answer_is_not_cut_off(hasty: Served) -> None:
    with hasty.connect() as client:
        assert client.ask(f"GET /slow?seconds=2.5 {HEAD}\r\n") == (200, b'"slept"\n')


def test_a_connection_is_kept_between_requests(hasty: Served) -> None:
    """The request timeout does not count the time in which nothing is asked."""
    with hasty.connect() as client:
        assert client.ask(f"GET /pid {HEAD}\r\n")[0] == 200
        client.socket.settimeout(2.5)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(10)
        assert client.ask(f"GET /pid {HEAD}\r\n")[0] == 200


def test_clients_that_do_not_read_are_cut_off_while_others_are_served(hasty: Served) -> None:
    with ExitStack() as stack:
        deaf = [stack.enter_context(hasty.connect()) for _ in range(6)]
        for client in deaf:
            client.send(f"GET /large {HEAD}\r\n")
        began = time.monotonic()
        assert hasty.get("/pid")
        assert time.monotonic() - began < 3.0
        # Read too late: part of the answer is gone with the connection.
        assert wait_until(lambda: all(_was_reset(each) for each in deaf))
        assert [len(each.until_closed()) < 12_000_000 for each in deaf] == [True] * 6


def _was_reset(client: Client) -> bool:
    poll = select.poll()
    poll.register(client.socket, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def test_a_body_over_the_limit_is_refused_readably(hasty: Served) -> None:
    """The client is still sending when it is refused, and can read the refusal all the same."""
    with hasty.connect() as client:
        client.send(f"POST /length {HEAD}Content-Length: 3000000\r\n\r\n")
        client.send(b"x" * 3_000_000)
        assert refusal(client.answer()) == (413, "too-large", "TooLargeError")


def test_a_chunked_body_over_the_limit_is_refused_readably(hasty: Served) -> None:
    with hasty.connect() as client:
        client.send(f"POST /length {HEAD}Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(30):
            client.send(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
        client.send(b"0\r\n\r\n")
        assert refusal(client.answer()) == (413, "too-large", "TooLargeError")


def test_a_body_of_exactly_the_limit_is_taken(hasty: Served) -> None:
    with hasty.connect() as client:
        client.send(f"POST /length {HEAD}Content-Length: 100000\r\n\r\n")
        assert client.ask(b"x" * 100_000) == (200, b"100000\n")


def test_a_body_over_the_limit_is_not_asked_for(hasty: Served) -> None:
    """A client that waits for "100 Continue" gets the refusal instead."""
    with hasty.connect() as client:
        answer = client.ask(
            f"POST /length {HEAD}Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert refusal(answer)[0] == 413


def test_expect_without_a_body_is_answered(hasty: Served) -> None:
    with hasty.connect() as client:
        assert client.ask(f"GET /pid {HEAD}Expect: 100-continue\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    "request_text",
    [
        "nonsense\r\n\r\n",
        f"get /pid {HEAD}\r\n",
        f"GET http://[ {HEAD}\r\n",
        "GET /pid HTTP/1.1\r\nbad header\r\n\r\n",
        f"POST /length {HEAD}Content-Length: -1\r\n\r\n",
        f"POST /length {HEAD}Content-Length: {'9' * 5000}\r\n\r\n",
        f"POST /length {HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused_in_json(hasty: Served, request_text: str) -> None:
    with hasty.connect() as client:
        answer = client.ask(request_text)
        assert refusal(answer) == (400, "invalid-request", "InvalidRequestError")


def test_an_unknown_transfer_encoding_is_refused_in_json(hasty: Served) -> None:
    with hasty.connect() as client:
        answer = client.ask(f"POST /length {HEAD}Transfer-Encoding: gzip\r\n\r\n")
        assert refusal(answer) == (501, "invalid-request", "InvalidRequestError")


def test_headers_over_the_limit_are_refused_in_json(hasty: Served) -> None:
    with hasty.connect() as client:
        answer = client.ask(f"GET /pid {HEAD}X-Large: {'x' * 100_000}\r\n\r\n")
        assert refusal(answer) == (431, "too-large", "TooLargeError")


def test_a_long_poll_notices_within_a_second_that_its_client_is_gone(hasty: Served) -> None:
    with hasty.connect() as client:
        client.send(f"GET /poll {HEAD}\r\n")
        assert hasty.get("/pid")
    began = time.monotonic()
    assert hasty.get("/gone") is True
    assert time.monotonic() - began < 1.0


def test_more_connections_than_the_limit_do_not_shut_others_out(start: Start) -> None:
    """The connections that were idle longest make room."""
    server = start("waitress")
    server.listening()
    with ExitStack() as stack:
        for _ in range(1050):
            stack.enter_context(server.connect())
        with server.connect() as client:
            assert client.ask(f"GET /pid {HEAD}\r\n")[0] == 200

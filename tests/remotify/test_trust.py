"""What is unpickled, and what never is."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hoplite.exceptions import JobFailedError, RemoteCallError
from hoplite.remote_enabler import Server, answering, envelope, loopback
from tests.remotify import calls
from tests.server.process import ServerProcess

MODULE: Any = calls


class Bomb:
    """Unpickling it leaves a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.fixture
def stranger(calls_server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that is not trusted: as if another account listened there."""
    monkeypatch.setattr("hoplite.remote_enabler.server.is_of_me_or_root", lambda host, port: False)
    server = Server(calls_server.url)
    assert not server.may_be_unpickled
    yield server
    server.close()


@pytest.mark.parametrize(
    "value", [None, True, 1, -1.5, "ä\ud800", [], {}, [[1], {"a": None}], {"k": [1.0]}], ids=repr
)
def test_json_comes_back_without_trust(stranger: Server, value: object) -> None:
    back = MODULE.remote_give_back(stranger, value)
    assert back == value and type(back) is type(value)


def test_large_json_comes_by_the_file(stranger: Server) -> None:
    assert MODULE.remote_give_back(stranger, ["x" * 300_000]) == ["x" * 300_000]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((1,), "the result is of type tuple, which JSON cannot tell"),
        ([b"x"], r"the result\[0\] is of type bytes"),
        ({"a": {1: 2}}, r"a key of the result\['a'\] is of type int"),
        (float("nan"), "the result is of type float"),
        ([{"b": calls.Counter(1)}], r"the result\[0\]\['b'\] is of type Counter"),
    ],
    ids=["tuple", "bytes", "integer key", "nan", "object"],
)
def test_what_json_would_change_is_refused(stranger: Server, value: object, words: str) -> None:
    with pytest.raises(RemoteCallError, match=words):
        MODULE.remote_give_back(stranger, value)


def test_exceptions_are_rebuilt_from_the_list_only(stranger: Server) -> None:
    with pytest.raises(KeyError) as caught:
        MODULE.remote_fail(stranger, "key")
    assert caught.value.args == ("missing",)
    with pytest.raises(FileNotFoundError):
        MODULE.remote_fail(stranger, "os")
    with pytest.raises(JobFailedError, match="TwoPartsError") as other:
        MODULE.remote_fail(stranger, "two parts")
    assert other.value.remote_type == "tests.remotify.calls.TwoPartsError"


def test_the_list_has_nothing_that_ends_programs() -> None:
    assert answering.REBUILT["builtins.ValueError"] is ValueError
    assert answering.REBUILT["hoplite.exceptions.RemoteCallError"] is RemoteCallError
    for name in ("SystemExit", "KeyboardInterrupt", "StopIteration", "ExceptionGroup"):
        assert f"builtins.{name}" not in answering.REBUILT
    for cls in answering.REBUILT.values():
        assert cls.__module__ in ("builtins", "hoplite.exceptions")


@pytest.mark.parametrize("codec", [envelope.PICKLE, envelope.CLOUDPICKLE, "other"])
def test_a_pickle_of_a_stranger_is_not_read(tmp_path: Path, codec: str) -> None:
    trace = tmp_path / "trace"
    data = envelope.as_text(pickle.dumps(Bomb(trace)))
    told = {"remotify": 1, "python": envelope.python_version(), "codec": codec, "data": data}
    with pytest.raises(RemoteCallError, match="sent a pickle, which is not read"):
        answering.value_of(told, bytes, lambda: False)
    raised = {**told, "type": "builtins.ValueError", "args": ["x"]}
    assert repr(answering.original_of(raised, lambda: False)) == "ValueError('x')"
    assert not trace.exists()
    answering.original_of(raised, lambda: True)
    assert trace.exists(), "the test can tell"


def test_a_pickle_that_a_trusted_server_forges_fails_cleanly() -> None:
    told = {"remotify": 1, "python": envelope.python_version(), "codec": "pickle"}
    for data in ("", "!!", envelope.as_text(b"no pickle"), envelope.as_text(pickle.dumps(1))):
        assert answering.original_of({**told, "data": data}, lambda: True) is None
        assert answering.original_of({**told, "data": data, "type": 1, "args": 3}, bool) is None
    nothings: list[object] = [None, 1, "x", [], {}]
    for nothing in nothings:
        assert answering.original_of(nothing, lambda: True) is None


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("build", {}),
        ("http://build", {}),
        ("192.0.2.1:5000", {}),
        ("https://build", {"verify": False}),
    ],
)
def test_trust_needs_a_server_that_is_known(address: str, options: Any) -> None:
    with pytest.raises(ValueError, match="cannot be known to be who answers; give its address wit"):
        Server(address, trust_server=True, **options)
    server = Server(address, **options)
    assert not server.may_be_unpickled
    server.close()


def test_trust_by_https_and_over_loopback() -> None:
    assert Server("https://build", trust_server=True).may_be_unpickled
    assert Server("127.0.0.1:1", trust_server=True).may_be_unpickled
    assert not Server("https://build").may_be_unpickled
    assert not Server("127.0.0.1:1").may_be_unpickled, "nobody listens there"


def test_trust_server_is_said_by_the_call_too(address: str) -> None:
    assert MODULE.remote_add(address, 1, trust_server=True) == 2
    with pytest.raises(ValueError, match="cannot be known to be who answers"):
        MODULE.remote_add("build:81", 1, trust_server=True)
    with pytest.raises(ValueError, match="it is said by the Server already"):
        MODULE.remote_add(Server(address), 1, trust_server=True)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
@pytest.mark.parametrize("in_tables", [False, True])
@pytest.mark.parametrize(
    ("family", "host", "asked"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "127.0.0.1", "localhost"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "127.0.0.1"),
    ],
)
def test_the_kernel_tells_whose_the_server_is(
    monkeypatch: pytest.MonkeyPatch, in_tables: bool, family: int, host: str, asked: str
) -> None:
    if in_tables:
        monkeypatch.setattr(loopback, "_asked", lambda family, port: [])
    with socket.socket(family) as listening:
        try:
            listening.bind((host, 0))
        except OSError:
            pytest.skip(f"{host} cannot be listened on here")
        listening.listen()
        port = listening.getsockname()[1]
        assert {found.uid for found in loopback.listeners(port)} == {os.geteuid()}
        assert loopback.is_of_me_or_root(asked, port)
        monkeypatch.setattr(
            loopback, "listeners", lambda port: [loopback.Listener(bytes(4), 12345)]
        )
        assert not loopback.is_of_me_or_root(asked, port)
    monkeypatch.undo()
    assert not loopback.is_of_me_or_root(asked, port)

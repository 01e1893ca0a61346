"""The types that users' checkers see: ``mypy`` reads these, and what is wrong is marked as wrong."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, assert_type

from hoplite import remotify
from hoplite.remote_enabler import RemoteAsyncJobWrapper, Server, remote, remote_async
from tests.remotify import calls


@remotify(__name__)
def measured(name: str, *, exact: bool = False) -> float:
    return 1.0 if exact else float(len(name))


@remotify(__name__, functions=["weighed"])
class Scale:
    def weighed(self, grams: int) -> int:
        return grams

    @classmethod
    def named(cls, name: str) -> Scale:
        return cls()


def right(scale: Scale, server: Server) -> None:
    assert_type(measured("x", exact=True), float)
    assert_type(scale.weighed(1), int)
    assert_type(remote(measured)("build", "x", exact=True), float)
    assert_type(remote(measured)(server, "x"), float)
    assert_type(remote(scale.weighed)("build", 1), int)
    assert_type(remote(Scale.named)("build", "x"), Scale)
    assert_type(remote(Scale.weighed)("build", scale, 1), int)
    assert_type(remote(measured, remote_timeout=3, trust_server=True)("build", "x"), float)
    call = remote_async(measured)("build", "x")
    assert_type(call, RemoteAsyncJobWrapper[float])
    assert_type(call.join(remote_timeout=5), float)
    assert_type(call.result(timeout=5), float)
    future: Future[float] = call
    assert_type(future.exception(), BaseException | None)
    assert_type(call.status(), dict[str, Any])
    assert_type(call.progress, dict[str, Any] | None)
    assert_type(call.log("stderr", tail=3), str)


def wrong(scale: Scale) -> None:
    measured(1)  # type: ignore[arg-type] # no text
    remote(measured)("build", 1)  # type: ignore[arg-type] # no text
    remote(measured)("build")  # type: ignore[call-arg] # too few
    remote(measured)(5000, "x")  # type: ignore[arg-type] # no address
    remote(measured)("build", "x", precise=True)  # type: ignore[call-arg] # misspelt
    remote_async(scale.weighed)("build", "1")  # type: ignore[arg-type] # no number
    remotify(__name__, functions=3)  # type: ignore[arg-type] # no names
    Server("build", trust=True)  # type: ignore[call-arg] # misspelt


def test_they_are_only_read() -> None:
    assert [right.__name__, wrong.__name__] == ["right", "wrong"]
    assert calls.add(1) == 2

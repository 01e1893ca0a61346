"""What every authenticator does; a new one is done when it passes."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hoplite.api.auth.addresses import Networks
from hoplite.api.auth.chain import Authenticators
from hoplite.api.auth.in_process import InProcessAuthenticator
from hoplite.api.auth.kernel import KernelAuthenticator
from hoplite.api.auth.protocol import Authenticator
from hoplite.api.auth.proxy import ProxyAuthenticator
from hoplite.api.auth.users import UsersAuthenticator
from hoplite.exceptions import NotAuthenticatedError
from hoplite.model.caller import Caller, Role
from tests.auth.connections import connected
from tests.auth.environs import FewAccounts, basic, environ


def kernel() -> Authenticator:
    return KernelAuthenticator(
        admins=["x"],
        submitters=["y"],
        is_root=False,
        own_uid=getattr(os, "geteuid", lambda: None)(),
    )


def proxy() -> Authenticator:
    return ProxyAuthenticator(
        proxies=Networks(["10.0.0.0/8"]), user_header="X-Remote-User", admins=["root"]
    )


def users() -> Authenticator:
    return UsersAuthenticator(FewAccounts())


def chain() -> Authenticator:
    return Authenticators([users(), InProcessAuthenticator(), proxy(), kernel()])


STRANGERS: list[dict[str, Any]] = [
    {},
    environ("192.0.2.7"),
    environ("192.0.2.7", None),
    environ("", None),
    environ("2001:db8::1"),
    environ("127.0.0.1", 1),
    environ("127.0.0.1", None),
    environ("not an address", 0),
    environ("192.0.2.7", HTTP_X_REMOTE_USER="root", HTTP_X_FORWARDED_FOR="127.0.0.1"),
    environ("192.0.2.7", HTTP_AUTHORIZATION="Bearer key-of-a-job"),
    environ("192.0.2.7", **{"hoplite.in_process": True}),
    environ("127.0.0.1", 1, **{"hoplite.local_address": ("::1", 5000)}),
]

Make = Callable[[], Authenticator]
EACH = pytest.mark.parametrize(
    "make", [InProcessAuthenticator, kernel, proxy, users, chain], ids=lambda each: each.__name__
)


@EACH
@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_is_nobody(make: Make, stranger: dict[str, Any]) -> None:
    assert make().identify(stranger) is None


@EACH
@pytest.mark.parametrize(
    "header", ["Basic", "Basic =", "Bearer", "Bearer hop_x", "=", "\xff", "Basic \xe4", ","]
)
def test_odd_credentials_are_refused_or_left_to_others(make: Make, header: str) -> None:
    """No other error ever reaches the client."""
    try:
        caller = make().identify(environ("192.0.2.7", HTTP_AUTHORIZATION=header))
    except NotAuthenticatedError as refused:
        assert refused.message  # noqa: PT017 - both ways are right
    else:
        assert caller is None


KNOWN: list[tuple[Make, dict[str, Any], str]] = [
    (users, environ(HTTP_AUTHORIZATION=basic("alice", "correct hörse")), "basic"),
    (users, environ(HTTP_AUTHORIZATION="Bearer hop_1_right"), "token"),
    (proxy, environ("10.0.0.1", HTTP_X_REMOTE_USER="bob"), "proxy"),
    (InProcessAuthenticator, {"hoplite.in_process": True}, "process"),
]


@pytest.mark.parametrize(("make", "request_environ", "via"), KNOWN, ids=[each[2] for each in KNOWN])
def test_it_says_how_it_knows_and_changes_nothing(
    make: Make, request_environ: dict[str, Any], via: str
) -> None:
    before = copy.deepcopy(request_environ)
    caller = make().identify(request_environ)
    assert caller is not None
    assert (caller.via, type(caller.role)) == (via, Role)
    assert caller.name
    assert request_environ == before


@EACH
def test_challenges_are_header_values(make: Make) -> None:
    for challenge in make().challenges():
        assert challenge.isascii()
        assert challenge.isprintable()


@pytest.mark.parametrize("make", [kernel, chain])
def test_many_threads_ask_at_once(make: Make) -> None:
    authenticator = make()
    answers: list[Caller | None] = []
    with connected() as ends:
        request = ends.environ()
        expected = authenticator.identify(request)
        assert expected is not None

        def ask() -> None:
            answers.extend(authenticator.identify(request) for _ in range(50))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [expected] * 400

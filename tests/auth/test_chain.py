"""Several ways together, over real connections and Flask's own client."""

from __future__ import annotations

import os
import pwd
import sys
from typing import Any

import msgspec
import pytest
from flask import Flask, request

from hoplite.api.auth import Authenticators, InProcessClient, authenticators
from hoplite.exceptions import NotAuthenticatedError, SettingError
from hoplite.model.caller import Caller, Role
from hoplite.settings import Settings
from tests.auth.connections import connected
from tests.auth.environs import FewAccounts, basic, environ

ME = pwd.getpwuid(os.geteuid()).pw_name
ALICE = basic("alice", "correct hörse")


def chain(*modes: str, **settings: object) -> Authenticators:
    made = msgspec.structs.replace(Settings(), auth=modes, **settings)
    return authenticators(made, FewAccounts())


def in_process(chain: Authenticators, **headers: str) -> Any:
    """What the chain says of a request of Flask's test client."""
    app = Flask(__name__)
    app.test_client_class = InProcessClient
    said = []

    @app.get("/")
    def show() -> str:
        said.append(chain.identify(request.environ))
        return ""

    assert app.test_client().get("/", headers=headers).status_code == 200
    return said[0]


@pytest.mark.parametrize("modes", [("kernel",), ("users",), ("users", "kernel")])
def test_callers_in_the_process_are_its_own_user(modes: tuple[str, ...]) -> None:
    assert in_process(chain(*modes)) == Caller(ME, Role.ADMIN, "process")


def test_callers_in_the_process_may_show_other_credentials() -> None:
    caller = in_process(chain("users"), Authorization=ALICE)
    assert caller == Caller("alice", Role.USER, "basic")


@pytest.mark.parametrize("server", ["waitress", "granian", "wsgi", "report"])
def test_a_request_over_a_server_is_never_in_the_process(server: str) -> None:
    forged = environ("192.0.2.7", None, **{"hoplite.in_process": True, "hoplite.served_by": server})
    assert chain("kernel", "users").identify(forged) is None


def test_a_server_that_tells_nothing_is_not_taken_for_the_process() -> None:
    """As create_app under a server that gives no REMOTE_PORT."""
    assert chain("kernel", "users").identify({"REQUEST_METHOD": "GET"}) is None
    forged = {"REQUEST_METHOD": "GET", "HTTP_HOPLITE.IN_PROCESS": "1", "hoplite.in_process": "1"}
    assert chain("kernel", "users").identify(forged) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_credentials_go_before_the_kernel() -> None:
    modes = chain("kernel", "users")
    with connected() as ends:
        request = ends.environ()
        assert modes.identify(request) == Caller(ME, Role.ADMIN, "kernel")
        request["HTTP_AUTHORIZATION"] = ALICE
        assert modes.identify(request) == Caller("alice", Role.USER, "basic")


def test_wrong_credentials_never_fall_through_to_the_kernel() -> None:
    with connected() as ends:
        request = ends.environ() | {"HTTP_AUTHORIZATION": basic("alice", "wrong")}
        with pytest.raises(NotAuthenticatedError):
            chain("kernel", "users").identify(request)


def test_everybody_behind_a_loopback_proxy_is_whom_it_names() -> None:
    """Not the account that the proxy runs as, which the kernel would tell."""
    modes = chain("kernel", "proxy", behind_proxy=("127.0.0.1",))
    with connected() as ends:
        request = ends.environ()
        assert modes.identify(request) is None
        request["HTTP_X_REMOTE_USER"] = "carol"
        assert modes.identify(request) == Caller("carol", Role.USER, "proxy")


def test_the_proxys_header_counts_only_where_proxy_is_a_mode() -> None:
    modes = chain("users", behind_proxy=("10.0.0.1",))
    assert modes.identify(environ("10.0.0.1", HTTP_X_REMOTE_USER="carol")) is None


@pytest.mark.parametrize("modes", [("kernel",), ("users",), ("users", "kernel")])
def test_there_is_always_a_challenge(modes: tuple[str, ...]) -> None:
    assert chain(*modes).challenges()


def test_users_needs_a_store() -> None:
    with pytest.raises(SettingError):
        authenticators(msgspec.structs.replace(Settings(), auth=("users",)), None)

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

import pytest

from hoplite.api.auth.addresses import Networks
from hoplite.api.auth.proxy import ProxyAuthenticator, TrustedProxies
from hoplite.exceptions import NotAuthenticatedError
from hoplite.model.caller import Caller, Role
from tests.auth.environs import environ

PROXIES = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]
PROXY = ProxyAuthenticator(
    proxies=Networks(PROXIES), user_header="X-Remote-User", admins=["root@example.org"]
)
FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.3",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "jobs.example.org",
    "HTTP_X_REMOTE_USER": "alice",
}


def seen(request: dict[str, Any]) -> dict[str, Any]:
    """The request as the application sees it."""
    kept: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        kept.update(environ)
        return []

    def start_response(*answer: Any) -> Any:
        raise AssertionError(answer)

    TrustedProxies(app, proxies=PROXIES, user_header="X-Remote-User")(request, start_response)
    return kept


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"])
def test_a_proxy_names_the_user(peer: str) -> None:
    caller = PROXY.identify(environ(peer, HTTP_X_REMOTE_USER="alice"))
    assert caller == Caller("alice", Role.USER, "proxy")


def test_a_proxy_names_an_administrator() -> None:
    caller = PROXY.identify(environ("10.1.2.3", HTTP_X_REMOTE_USER="root@example.org"))
    assert caller == Caller("root@example.org", Role.ADMIN, "proxy")


@pytest.mark.parametrize("peer", ["192.0.2.7", "127.0.0.2", "::1", "", "nonsense"])
def test_nobody_else_names_the_user(peer: str) -> None:
    assert PROXY.identify(environ(peer, HTTP_X_REMOTE_USER="root@example.org")) is None


def test_a_peer_that_says_it_is_forwarded_by_a_proxy_is_not_one() -> None:
    forged = environ("192.0.2.7", **FORWARDED | {"HTTP_X_FORWARDED_FOR": "127.0.0.1"})
    assert PROXY.identify(forged) is None
    assert PROXY.identify(seen(forged)) is None


@pytest.mark.parametrize("name", ["", "  "])
def test_a_request_without_the_header_is_nobodys(name: str) -> None:
    assert PROXY.identify(environ("10.1.2.3", HTTP_X_REMOTE_USER=name)) is None


@pytest.mark.parametrize("name", ["a, b", "a b", "uid:0", "x" * 200, "a\x7f"])
def test_what_is_not_one_name_is_refused(name: str) -> None:
    """A header that is there twice may be the client's and the proxy's."""
    with pytest.raises(NotAuthenticatedError):
        PROXY.identify(environ("10.1.2.3", HTTP_X_REMOTE_USER=name))


def test_headers_of_a_proxy_say_how_the_client_called() -> None:
    request = seen(environ("10.1.2.3", **FORWARDED))
    assert request["REMOTE_ADDR"] == "198.51.100.3"
    assert request["wsgi.url_scheme"] == "https"
    assert request["HTTP_HOST"] == "jobs.example.org"
    assert PROXY.identify(request) == Caller("alice", Role.USER, "proxy")


def test_headers_of_anyone_else_never_reach_the_application() -> None:
    request = seen(environ("192.0.2.7", HTTP_FORWARDED="for=127.0.0.1", **FORWARDED))
    assert request["REMOTE_ADDR"] == "192.0.2.7"
    assert request["HTTP_HOST"] == "localhost:5000"
    assert not [key for key in request if "FORWARDED" in key or "REMOTE_USER" in key]

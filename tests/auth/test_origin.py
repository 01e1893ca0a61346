"""Foreign pages and rebound names."""

from __future__ import annotations

import socket

import pytest

from hoplite.api.auth.origin import OriginPolicy
from hoplite.exceptions import ForeignOriginError, InvalidRequestError
from tests.auth.environs import environ

LOOPBACK = OriginPolicy(host="127.0.0.1", port=5000, allowed_hosts=["jobs.example.org", "a:81"])
BEYOND = OriginPolicy(host="0.0.0.0", port=5000)


@pytest.mark.parametrize(
    "host",
    [
        "localhost:5000",
        "localhost",
        "LOCALHOST:5000",
        "localhost.:5000",
        "127.0.0.1:5000",
        "127.9.9.9:5000",
        "[::1]:5000",
        "[::1]",
        "[0:0:0:0:0:0:0:1]:5000",
        "[::ffff:127.0.0.1]:5000",
        "jobs.example.org",
        "jobs.example.org:443",
        "Jobs.Example.Org:8443",
        "a:81",
    ],
)
def test_its_own_names_are_taken(host: str) -> None:
    LOOPBACK(environ(HTTP_HOST=host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:5000",
        "localhost.evil.example:5000",
        "evil-localhost:5000",
        "127.0.0.1.evil.example",
        "127.1.evil",
        "0.0.0.0:5000",
        "[::]:5000",
        "192.168.1.5:5000",
        "localhost:8080",
        "127.0.0.1:80",
        "a:82",
        "a",
        "x.jobs.example.org",
    ],
)
def test_other_names_are_refused(host: str) -> None:
    """A page can make its own name point here."""
    with pytest.raises(ForeignOriginError, match="allowed_hosts"):
        LOOPBACK(environ(HTTP_HOST=host))


@pytest.mark.parametrize(
    "host",
    ["", " ", "a b", "a/b", "user@localhost", "localhost:", "localhost:x", "localhost:99999",
     "localhost, localhost", "[::1", "[zz]", "[1.2]", "::1", "é", ".", "localhost\t\x00"],
)  # fmt: skip
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidRequestError, match="is no host"):
        LOOPBACK(environ(HTTP_HOST=host))


def test_a_missing_host_is_refused() -> None:
    request = environ()
    del request["HTTP_HOST"]
    with pytest.raises(InvalidRequestError):
        LOOPBACK(request)


def test_beyond_loopback_addresses_and_the_machines_own_names_are_taken() -> None:
    """An address cannot be made to point elsewhere."""
    for host in ["192.168.1.5:5000", "[2001:db8::1]:5000", f"{socket.gethostname()}:5000"]:
        BEYOND(environ(HTTP_HOST=host))
    for host in ["evil.example:5000", "0.0.0.0:5000", "192.168.1.5:80"]:
        with pytest.raises(ForeignOriginError):
            BEYOND(environ(HTTP_HOST=host))


def test_the_listening_name_is_taken() -> None:
    policy = OriginPolicy(host="Box.example", port=5000)
    policy(environ(HTTP_HOST="box.example:5000"))


def test_the_real_port_counts_where_the_setting_is_0() -> None:
    policy = OriginPolicy(host="127.0.0.1", port=0)
    policy(environ(HTTP_HOST="localhost:5000"))
    with pytest.raises(ForeignOriginError):
        policy(environ(HTTP_HOST="localhost:5001"))


def post(**headers: str) -> dict[str, object]:
    return environ(REQUEST_METHOD="POST", **headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_ORIGIN": "http://localhost:5000"},
        {"HTTP_ORIGIN": "http://localhost:5000", "HTTP_SEC_FETCH_SITE": "same-origin"},
        {"HTTP_SEC_FETCH_SITE": "none"},
        {"HTTP_HOST": "localhost", "HTTP_ORIGIN": "http://localhost"},
        {"HTTP_HOST": "jobs.example.org", "HTTP_ORIGIN": "https://jobs.example.org"},
        {"HTTP_HOST": "jobs.example.org", "HTTP_ORIGIN": "https://jobs.example.org:443"},
        {"HTTP_HOST": "[::1]:5000", "HTTP_ORIGIN": "http://[::1]:5000"},
        {"HTTP_REFERER": "http://localhost:5000/oarapi/jobs/form.html?x=1"},
        {"HTTP_ORIGIN": "http://localhost:5000", "HTTP_REFERER": "http://elsewhere.example/"},
    ],
)
def test_programs_and_its_own_pages_may_change_things(headers: dict[str, str]) -> None:
    LOOPBACK(post(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": ""},
        {"HTTP_ORIGIN": "http://localhost:8080"},
        {"HTTP_ORIGIN": "http://localhost"},
        {"HTTP_ORIGIN": "http://127.0.0.1:5000"},
        {"HTTP_ORIGIN": "http://localhost:5000.evil.example"},
        {"HTTP_ORIGIN": "http://[::1"},
        {"HTTP_ORIGIN": "file://"},
        {"HTTP_ORIGIN": "http://localhost:5000, http://evil.example"},
        {"HTTP_ORIGIN": "null", "HTTP_REFERER": "http://localhost:5000/"},
        {"HTTP_REFERER": "http://evil.example/localhost:5000"},
        {"HTTP_REFERER": "http://localhost:8080/oarapi/jobs/form.html"},
        {"HTTP_REFERER": "http://localhost:5000@evil.example/"},
        {"HTTP_REFERER": "nonsense"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "http://localhost:5000"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "FROBNICATE"])
def test_foreign_pages_may_not(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(ForeignOriginError):
        LOOPBACK(environ(REQUEST_METHOD=method, **headers))


def test_foreign_pages_may_link_here() -> None:
    navigation = {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate"}
    LOOPBACK(environ(**navigation, HTTP_SEC_FETCH_DEST="document"))


@pytest.mark.parametrize(
    ("mode", "dest"), [("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")]
)
def test_foreign_pages_may_not_load_answers_into_themselves(mode: str, dest: str) -> None:
    """With hidden images a page could hold all the places for streams."""
    with pytest.raises(ForeignOriginError):
        LOOPBACK(
            environ(
                HTTP_SEC_FETCH_SITE="cross-site",
                HTTP_SEC_FETCH_MODE=mode,
                HTTP_SEC_FETCH_DEST=dest,
            )
        )

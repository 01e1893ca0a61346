"""Every form of an address."""

from __future__ import annotations

import pytest

from hoplite.client.address import parse_address


@pytest.mark.parametrize(
    ("address", "url", "shown"),
    [
        ("build", "http://build:5000", "build:5000"),
        ("build:81", "http://build:81", "build:81"),
        ("127.0.0.1", "http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("::1", "http://[::1]:5000", "[::1]:5000"),
        ("[::1]", "http://[::1]:5000", "[::1]:5000"),
        ("[2001:db8::5]:81", "http://[2001:db8::5]:81", "[2001:db8::5]:81"),
        ("http://build", "http://build:80", "build:80"),
        ("http://build:81/", "http://build:81", "build:81"),
        ("HTTPS://build", "https://build:443", "https://build:443"),
        ("https://[::1]:8443/hoplite/", "https://[::1]:8443/hoplite", "https://[::1]:8443/hoplite"),
    ],
)
def test_forms(address: str, url: str, shown: str) -> None:
    found = parse_address(address)
    assert found.url == url
    assert str(found) == shown
    assert parse_address(str(found)) == found


def test_the_port_beside_an_address_is_for_those_without() -> None:
    assert parse_address("build", 81).netloc == "build:81"
    assert parse_address("build", "81").netloc == "build:81"
    assert parse_address("build:82", 81).netloc == "build:82"
    assert parse_address("::1", 81).netloc == "[::1]:81"


@pytest.mark.parametrize(
    "address",
    [
        "", ":5000", "build:", "build:x", "build:0", "build:65536", "a:b:c", "[::1", "[1]:5", "[::1]x",
        "a b", "a/b", "me@build", "ftp://build", "http://", "http://build:x", "http://b:0", "http://b/?q",
        "http://b/#f", "http://[::1", "build\n",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|URL|port|host|scheme"):
        parse_address(address)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="credentials=") as refused:
        parse_address("https://me:secret@build/")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "x.localhost"])
def test_loopback(host: str) -> None:
    assert parse_address(host).is_loopback
    assert not parse_address("build").is_loopback
    assert not parse_address("10.0.0.1").is_loopback

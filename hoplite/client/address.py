"""Where a server is: ``host``, ``host:port``, ``[::1]:port``, or a whole URL."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_FORMS = "give host, host:port, [IPv6 address]:port or a URL"
_NAME = re.compile(r"[^\s/?#@:\[\]\\]+")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ServerAddress:
    """``host`` is without brackets; ``path`` is what a proxy puts before every route, or empty."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def netloc(self) -> str:
        """``host:port``, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as a URL, without a slash at its end."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is surely this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost" or self.host.lower().endswith(".localhost")

    def __str__(self) -> str:
        """The shortest form that leads to the server when it is given as an address."""
        return self.netloc if (self.scheme, self.path) == ("http", "") else self.url


def parse_address(address: str, port: int | str = 5000) -> ServerAddress:
    """Read an address; ``port`` is for those that name none, and are no URL.

    Raises ValueError for anything else, and for a URL with a password in it.
    """
    if "://" in address:
        return _of_url(address)
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        parts = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]+))?", address)
        if parts is None:
            raise ValueError(f"{address!r} is no address of a server: {_FORMS}") from None
        return ServerAddress(
            "http", _host(parts[1], address), _port(parts[2] or port, address)
        )  # fmt: skip
    return ServerAddress("http", address, _port(port, address))


def _of_url(address: str) -> ServerAddress:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ValueError(f"{address!r} is no URL of a server") from None
    if "@" in parts.netloc:
        # Not repeated in the message: there may be a password in it.
        raise ValueError("the URL of a server has no user or password in it; give credentials=")
    if parts.scheme not in _PORTS:
        raise ValueError(f"{address!r}: the scheme is http or https, not {parts.scheme!r}")
    if parts.query or parts.fragment:
        raise ValueError(f"{address!r}: the URL of a server has no '?' and no '#'")
    host = parts.netloc.removesuffix(f":{port}") if port is not None else parts.netloc
    return ServerAddress(
        parts.scheme,
        _host(host, address),
        _port(_PORTS[parts.scheme] if port is None else port, address),
        parts.path.rstrip("/"),
    )


def _host(text: str, address: str) -> str:
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            raise ValueError(f"{address!r}: {text} is no IPv6 address") from None
    if not _NAME.fullmatch(text):
        raise ValueError(f"{address!r} names no host: {_FORMS}")
    return text


def _port(port: int | str, address: str) -> int:
    try:
        number = int(port)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise ValueError(f"{address!r}: {port!r} is no port; ports are 1 to 65535")
    return number

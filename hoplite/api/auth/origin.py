"""Browser pages from elsewhere get nothing done with the user's identity.

Two attacks: a page that sends a request here (seen by ``Origin`` and ``Sec-Fetch-*``, which pages
cannot forge; by ``Referer`` where a browser of old sends no ``Origin`` with a form), and a page whose own host name is made to point here (DNS rebinding; seen by
``Host``).  Programs send neither and are not hindered.
"""

from __future__ import annotations

import functools
import re
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from hoplite.api.auth.addresses import is_loopback, parsed_address
from hoplite.api.auth.protocol import AuthSettings
from hoplite.api.serving.environ import SERVED_BY, Environ, local_address
from hoplite.exceptions import ForeignOriginError, InvalidRequestError

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_ELSEWHERE = {"cross-site", "same-site"}
_EMBEDDED = {"embed", "frame", "iframe", "object"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _HostPort(NamedTuple):
    host: str
    port: int | None


class OriginPolicy:
    """``policy(environ)`` raises ForeignOriginError for what a foreign page may have sent, and
    InvalidRequestError for a Host header that is missing or none."""

    def __init__(self, *, host: str, port: int, allowed_hosts: Sequence[str] = ()) -> None:
        self._listens = _bare(host)
        self._port = port or None
        self._beyond_loopback = not (self._listens == "localhost" or is_loopback(self._listens))
        self._allowed = {_parsed(each) for each in allowed_hosts}

    @classmethod
    def of(cls, settings: AuthSettings) -> OriginPolicy:
        return cls(host=settings.host, port=settings.port, allowed_hosts=settings.allowed_hosts)

    def __call__(self, environ: Environ) -> None:
        host = self._check_host(environ)
        site = environ.get("HTTP_SEC_FETCH_SITE", "").lower()
        if environ["REQUEST_METHOD"] in _SAFE_METHODS:
            _check_navigation(environ, site)
            return
        if site in _ELSEWHERE:
            raise ForeignOriginError(
                f"a page of another site (Sec-Fetch-Site: {site}) may not send this request"
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not _same(origin, host):
            raise ForeignOriginError(
                f"a page of {origin[:200]!r} may not send this request to {_written(host)!r}"
            )
        referer = environ.get("HTTP_REFERER")
        if origin is None and referer is not None and not _same(referer, host):
            raise ForeignOriginError(
                f"a page at {referer[:200]!r} may not send this request to {_written(host)!r}"
            )

    def _check_host(self, environ: Environ) -> _HostPort:
        text = environ.get("HTTP_HOST", "").strip()
        host = _parsed(text)
        if host is None:
            raise InvalidRequestError(
                f"Host: {text[:200]!r} is no host; send one header like 'Host: localhost:5000'"
            )
        if not self._is_ours(host, environ):
            raise ForeignOriginError(
                f"Host: {text[:200]!r} is not this server; if it should be, add it to the setting "
                "allowed_hosts"
            )
        return host

    def _is_ours(self, host: _HostPort, environ: Environ) -> bool:
        if host in self._allowed or _HostPort(host.host, None) in self._allowed:
            return True
        port = self._port_of(environ)
        if host.port is not None and port is not None and host.port != port:
            return False
        if host.host in ("localhost", self._listens) or is_loopback(host.host):
            return not _is_unspecified(host.host)
        if not self._beyond_loopback:
            return False
        # An address cannot be made to point elsewhere; only names can.
        address = parsed_address(host.host)
        if address is not None:
            return not address.is_unspecified
        return host.host in _names_of_this_machine()

    def _port_of(self, environ: Environ) -> int | None:
        """The port that clients called; None where it is not known."""
        local = local_address(environ)
        if local is not None:
            return local[1]
        # Somebody else's server listens where it was told, not where our setting says.
        return None if environ.get(SERVED_BY) == "wsgi" else self._port


def _check_navigation(environ: Environ, site: str) -> None:
    """A foreign page may link here; it may not load this server's answers into itself, which
    could hold all the places for streams."""
    navigates = environ.get("HTTP_SEC_FETCH_MODE", "").lower() == "navigate"
    embeds = environ.get("HTTP_SEC_FETCH_DEST", "").lower() in _EMBEDDED
    if site in _ELSEWHERE and (embeds or not navigates):
        raise ForeignOriginError(
            f"a page of another site (Sec-Fetch-Site: {site}) may link here, not load this"
        )


def _same(origin: str, host: _HostPort) -> bool:
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not parts.hostname:
        return False
    if parts.hostname.rstrip(".") != host.host:
        return False
    # A browser leaves the default port out of both headers.
    return (port or default) == (host.port or default)


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> _HostPort | None:
    match = _HOST.fullmatch(text)
    if match is None:
        return None
    host, port = _bare(match["host"]), match["port"]
    if port is not None and int(port) > 65535:
        return None
    if match["host"].startswith("[") and parsed_address(host) is None:
        return None
    return _HostPort(host, int(port) if port else None) if host else None


def _bare(host: str) -> str:
    bare = host.strip("[]").rstrip(".").lower()
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare


def _written(host: _HostPort) -> str:
    name = f"[{host.host}]" if ":" in host.host else host.host
    return name if host.port is None else f"{name}:{host.port}"


def _is_unspecified(host: str) -> bool:
    address = parsed_address(host)
    return address is not None and address.is_unspecified


@functools.cache
def _names_of_this_machine() -> frozenset[str]:
    # Asked once and only when needed: the full name may come slowly, over the network.
    return frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})

"""Listening sockets.  They are never inherited by children (PEP 446)."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from ipaddress import ip_address

from hoplite.exceptions import SettingError

_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_TRIES = 20


def bind_all(host: str, port: int) -> list[socket.socket]:
    """Sockets bound, not yet listening, to every address of ``host``, all on one port.

    Port 0 picks a free one.  An address family that this machine lacks is left out.
    Raises SettingError, naming the setting, if the address is unknown or taken.
    """
    addresses = _addresses(host, port)
    for _ in range(_TRIES):
        bound: list[socket.socket] = []
        try:
            return _bind_each(addresses, port, bound)
        except OSError as error:
            for sock in bound:
                sock.close()
            # With port 0 the number that one family gave may be taken in the other.
            if port != 0 or error.errno != errno.EADDRINUSE or not bound:
                raise _refusal(host, port, error) from error
    raise SettingError(f"no port is free on all addresses of {host!r}", field="port")


def url_of(sock: socket.socket, scheme: str = "http") -> str:
    """The URL at which a client on this machine reaches the socket."""
    host, port = sock.getsockname()[:2]
    return url_at(host, port, scheme)


def url_at(host: str, port: int, scheme: str = "http") -> str:
    """The URL of an address; a wildcard address becomes the loopback address."""
    with contextlib.suppress(ValueError):
        address = ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _addresses(host: str, port: int) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(
            host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise SettingError(
            f"host: {host!r} is no address of this machine: {error.strerror}", field="host"
        ) from error
    families = (socket.AF_INET, socket.AF_INET6)
    unique = {(int(family), str(at[0])) for family, *_, at in found if family in families}
    # IPv4 first: its URL is what is printed and what children report to.
    return sorted(unique)


def _bind_each(
    addresses: list[tuple[int, str]], port: int, bound: list[socket.socket]
) -> list[socket.socket]:
    absent: OSError | None = None
    for family, host in addresses:
        try:
            bound.append(_bind(family, host, port, both=addresses == [(family, "::")]))
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            absent = error
            continue
        port = bound[0].getsockname()[1]
    if not bound:
        raise absent or OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return bound


def _bind(family: int, host: str, port: int, *, both: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" alone means every address of both families, as people expect of it.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _refusal(host: str, port: int, error: OSError) -> SettingError:
    if error.errno == errno.EADDRINUSE:
        return SettingError(
            f"port: {port} is in use on {host!r}; stop the other server or choose another port",
            field="port",
        )
    field = "port" if error.errno == errno.EACCES else "host"
    return SettingError(f"{field}: cannot listen on {host!r} port {port}: {error}", field=field)

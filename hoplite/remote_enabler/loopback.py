"""Whose the server on this machine is: any local user could be listening at its port."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTEN = 10

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_HEADER = struct.Struct("=IHHII")
# As in sock_diag(7): inet_diag_req_v2 and the beginning of inet_diag_msg up to its uid.
_REQUEST = struct.Struct("=BBBBI2s2s16s16sI8s")
_FOUND = struct.Struct("=BBBB2s2s16s16sI8sIIII")
_TIMEOUT_S = 1.0


class Listener(NamedTuple):
    """A listening socket: ``address`` is 4 or 16 bytes."""

    address: bytes
    uid: int


def is_of_me_or_root(host: str, port: int) -> bool:
    """Whether all who listen there are of this process's account or root.

    Where the kernel does not tell (it is not Linux) the address is all there is to go by.
    """
    if not sys.platform.startswith("linux"):
        return True
    where = _addresses(host) | {bytes(4), bytes(16)}
    uids = {listener.uid for listener in listeners(port) if listener.address in where}
    return bool(uids) and uids <= {0, os.geteuid()}


def listeners(port: int) -> list[Listener]:
    """Who listens at that port of any address."""
    try:
        found = [*_asked(socket.AF_INET, port), *_asked(socket.AF_INET6, port)]
    except (OSError, struct.error):
        found = []
    # A kernel without the module for it says that there is nobody.  The tables are slow to read.
    return found or list(_in_tables(port))


def _asked(family: int, port: int) -> Iterator[Listener]:
    size = 4 if family == socket.AF_INET else 16
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(_TIMEOUT_S)
        netlink.sendto(_request(family, port), (0, 0))
        for body in _bodies(netlink):
            fields = _FOUND.unpack_from(body)
            if fields[1] == _LISTEN and int.from_bytes(fields[4], "big") == port:
                yield Listener(fields[6][:size], fields[-1])


def _request(family: int, port: int) -> bytes:
    body = _REQUEST.pack(
        *(family, socket.IPPROTO_TCP, 0, 0, 1 << _LISTEN),
        *(port.to_bytes(2, "big"), bytes(2), bytes(16), bytes(16), 0, b"\xff" * 8),
    )
    flags = _NLM_F_REQUEST | _NLM_F_DUMP
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, flags, 1, 0) + body


def _bodies(netlink: socket.socket) -> Iterator[bytes]:
    """The messages of a dump, until the one that ends it or tells an error."""
    while True:
        received = netlink.recv(1 << 16)
        while received:
            length, kind, _, _, _ = _HEADER.unpack_from(received)
            if kind != _SOCK_DIAG_BY_FAMILY:
                return
            yield received[_HEADER.size : length]
            received = received[(length + 3) & ~3 :]


def _in_tables(port: int) -> Iterator[Listener]:
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, at = fields[1].partition(":")
            if int(fields[3], 16) == _LISTEN and int(at, 16) == port:
                yield Listener(_of_words(address), int(fields[7]))


def _of_words(text: str) -> bytes:
    # The kernel prints each 32-bit word as a number of the machine's own byte order.
    words = (int(text[n : n + 8], 16) for n in range(0, len(text), 8))
    return b"".join(word.to_bytes(4, sys.byteorder) for word in words)


def _addresses(host: str) -> set[bytes]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {socket.inet_pton(family, str(name[0])) for family, _, _, _, name in found}

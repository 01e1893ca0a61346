"""Which user owns the client's end of a TCP connection within this machine: asked of the kernel.

Two ways: one exact request over netlink (``sock_diag(7)``), or, where that is closed to us, the
tables in ``/proc/net``.
"""

from __future__ import annotations

import atexit
import errno
import os
import socket
import struct
import sys
import threading
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import NamedTuple

Address = IPv4Address | IPv6Address


class Connection(NamedTuple):
    """A connection, seen from the client.  Both addresses are of one family."""

    client: Address
    client_port: int
    server: Address
    server_port: int


class _Socket(NamedTuple):
    connection: Connection
    state: int
    uid: int
    inode: int


_ESTABLISHED, _FIN_WAIT1, _FIN_WAIT2, _CLOSE_WAIT, _LAST_ACK, _CLOSING = 1, 4, 5, 8, 9, 11
_OWNED_STATES = {_ESTABLISHED, _FIN_WAIT1, _FIN_WAIT2, _CLOSE_WAIT, _LAST_ACK, _CLOSING}

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_HEADER = struct.Struct("=IHHII")
# inet_diag_req_v2: family, protocol, ext, pad, states, then inet_diag_sockid: sport, dport (both
# big-endian), src, dst, interface, cookie.
_REQUEST = struct.Struct("=BBBBI2s2s16s16sI8s")
# inet_diag_msg: family, state, timer, retrans, inet_diag_sockid, expires, rqueue, wqueue, uid,
# inode.
_ANSWER = struct.Struct("=BBBB2s2s16s16sI8sIIIII")
_NO_COOKIE = b"\xff" * 8
_TIMEOUT_S = 1.0


def owner_of(connection: Connection) -> int | None:
    """The uid; None if the client has closed its end, or the kernel does not tell."""
    if sys.platform != "linux":
        return None
    found = _OWNERS.find(connection)
    if found is None or found.connection != connection:
        # netlink gives a listening socket on the client's port where there is no connection.
        return None
    if found.state not in _OWNED_STATES or found.inode == 0:
        # A closed socket that lingers in the kernel is reported as root's.
        return None
    return found.uid


class _Owners:
    """One netlink socket for all threads: a request takes microseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._netlink: Netlink | None = None
        self._closed_to_us = False

    def find(self, connection: Connection) -> _Socket | None:
        with self._lock:
            netlink = self._opened()
            if netlink is not None:
                try:
                    return netlink.find(connection)
                except OSError:
                    netlink.close()
                    self._netlink = None
        return find_in_proc(connection)

    def close(self) -> None:
        with self._lock:
            if self._netlink is not None:
                self._netlink.close()
                self._netlink = None

    def _opened(self) -> Netlink | None:
        if self._netlink is None and not self._closed_to_us:
            try:
                self._netlink = Netlink()
                self._closed_to_us = not _tells_our_own(self._netlink)
            except OSError:
                self._closed_to_us = True
        return None if self._closed_to_us else self._netlink


class Netlink:
    """An open ``NETLINK_SOCK_DIAG`` socket, for one thread at a time."""

    def __init__(self) -> None:
        """Raises OSError where the kernel or a sandbox forbids it."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
        self._socket.settimeout(_TIMEOUT_S)
        self._sequence = 0

    def find(self, connection: Connection) -> _Socket | None:
        """The client's socket.  Raises OSError if the kernel does not answer."""
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self._socket.sendto(_request(connection, self._sequence), (0, 0))
        while True:
            message = self._socket.recv(8192)
            _, kind, _, sequence, _ = _HEADER.unpack_from(message)
            if sequence != self._sequence:
                continue
            if kind != _NLMSG_ERROR:
                return _answer(message)
            (code,) = struct.unpack_from("=i", message, _HEADER.size)
            if -code == errno.ENOENT:
                return None
            raise OSError(-code, os.strerror(-code))

    def close(self) -> None:
        self._socket.close()


def find_in_proc(connection: Connection) -> _Socket | None:
    """The client's socket in ``/proc/net/tcp`` or ``tcp6``, which list IPv4 too if the client's
    socket is of the IPv6 kind."""
    for name, bits in (("tcp", 32), ("tcp6", 128)):
        if connection.client.version == 6 and bits == 32:
            continue
        ends = (
            f" {_proc_end(connection.client, connection.client_port, bits)}"
            f" {_proc_end(connection.server, connection.server_port, bits)} "
        )
        try:
            table = Path("/proc/net", name).read_text()
        except OSError:
            continue
        at = table.find(ends)
        if at >= 0:
            state, _, _, _, uid, _, inode = table[at + len(ends) :].split(None, 7)[:7]
            return _Socket(connection, int(state, 16), int(uid), int(inode))
    return None


def _request(connection: Connection, sequence: int) -> bytes:
    family = socket.AF_INET if connection.client.version == 4 else socket.AF_INET6
    body = _REQUEST.pack(
        family,
        socket.IPPROTO_TCP,
        0,
        0,
        0xFFFFFFFF,
        connection.client_port.to_bytes(2, "big"),
        connection.server_port.to_bytes(2, "big"),
        connection.client.packed.ljust(16, b"\0"),
        connection.server.packed.ljust(16, b"\0"),
        0,
        _NO_COOKIE,
    )
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, sequence, 0) + body


def _answer(message: bytes) -> _Socket:
    family, state, _, _, sport, dport, src, dst, *_, uid, inode = _ANSWER.unpack_from(
        message, _HEADER.size
    )
    connection = Connection(
        _address(family, src),
        int.from_bytes(sport, "big"),
        _address(family, dst),
        int.from_bytes(dport, "big"),
    )
    return _Socket(connection, state, uid, inode)


def _address(family: int, packed: bytes) -> Address:
    if family == socket.AF_INET:
        return IPv4Address(packed[:4])
    address = IPv6Address(packed)
    return address.ipv4_mapped or address


def _proc_end(address: Address, port: int, bits: int) -> str:
    packed = address.packed
    if address.version == 4 and bits == 128:
        packed = b"\0" * 10 + b"\xff\xff" + packed
    # The kernel prints each 32-bit word as a number of the machine's own byte order.
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"


def _tells_our_own(netlink: Netlink) -> bool:
    """Whether netlink knows a connection that we make: it says "no such socket" of every one where
    the kernel lacks its module."""
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        client.connect(listening.getsockname())
        host = IPv4Address("127.0.0.1")
        ours = Connection(host, client.getsockname()[1], host, listening.getsockname()[1])
        found = netlink.find(ours)
        return found is not None and found.connection == ours


_OWNERS = _Owners()
atexit.register(_OWNERS.close)

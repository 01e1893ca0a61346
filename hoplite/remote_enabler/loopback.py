"""Whose the server on this machine is: any local user could be listening at its port."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def is_of_me_or_root(host: str, port: int) -> bool:
    """Whether all who listen there are of this process's account or root.

    Where the kernel does not tell (it is not Linux) the address is all there is to go by.
    """
    if not sys.platform.startswith("linux") or not _TABLES[0].exists():
        return True
    mine = {_as_kernel(found) for found in _addresses(host)} | _anywhere()
    uids = {uid for address, at, uid in _listeners() if at == port and address in mine}
    return bool(uids) and uids <= {0, os.geteuid()}


def _listeners() -> Iterator[tuple[str, int, int]]:
    """The address (as the kernel writes it), port and uid of each listening socket."""
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING:
                address, _, port = fields[1].partition(":")
                yield address, int(port, 16), int(fields[7])


def _addresses(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def _as_kernel(address: str) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = (packed[n : n + 4] for n in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


def _anywhere() -> set[str]:
    return {_as_kernel("0.0.0.0"), _as_kernel("::")}  # noqa: S104 - nothing is bound

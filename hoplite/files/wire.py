"""What the server and the process that touches files say to each other."""

from __future__ import annotations

import socket
from typing import Any

import msgspec

from hoplite.execution.protocol import RunAs

PIECE = 256 * 1024
STALLED_S = 60
"""A step that takes longer never ends, and the process is ended."""
LONG_S = 600
"""The same for steps that may take long: removing a tree, and bringing a file to the disk."""
_LENGTH_BYTES = 4


class List(msgspec.Struct, frozen=True, tag=True):
    """The entries of the directory ``path``, by name, from ``offset`` on."""

    path: bytes
    offset: int
    limit: int


class Read(msgspec.Struct, frozen=True, tag=True):
    """The file ``path``; ``tail``: its last lines only, this many.

    Answered by :class:`Opened`; then the server asks for a :class:`Part`, or goes away.
    """

    path: bytes
    tail: int | None


class Write(msgspec.Struct, frozen=True, tag=True):
    """Make the file ``path``, and the directories above it, of what follows: frames, and an empty one
    at the end.  ``force``: in place of what is there."""

    path: bytes
    force: bool


class ChangeMode(msgspec.Struct, frozen=True, tag=True):
    """chmod(1) of ``path``."""

    path: bytes
    mode: str


class Remove(msgspec.Struct, frozen=True, tag=True):
    """Remove ``path``, a directory with all that is in it."""

    path: bytes


What = List | Read | Write | ChangeMode | Remove


class Order(msgspec.Struct, frozen=True):
    """What is to be done.  Paths are relative to ``root``."""

    account: RunAs | None
    """Who does it; None: the server's own account."""
    root: bytes
    what: What


class Part(msgspec.Struct, frozen=True):
    """Which bytes of a file to send."""

    start: int
    length: int


class Entry(msgspec.Struct, frozen=True):
    """One name in a directory.  ``kind`` is a letter as find(1) has them: ``f`` and ``d`` (also
    of what a link leads to), ``l`` for a link that leads nowhere or out, ``p``, ``s``, ``c``, ``b``."""

    name: bytes
    kind: str
    size: int
    mtime: int
    mode: int


class Listing(msgspec.Struct, frozen=True, tag=True):
    entries: list[Entry]
    total: int


class Opened(msgspec.Struct, frozen=True, tag=True):
    """A regular file, open.  Times are in nanoseconds since 1970."""

    size: int
    start: int
    """Where the asked tail begins; 0 for all of the file."""
    mtime_ns: int
    inode: int


class Done(msgspec.Struct, frozen=True, tag=True):
    pass


class Failed(msgspec.Struct, frozen=True, tag=True):
    """``number``: an errno; ``note``: what of it, if it is not the path itself."""

    number: int
    note: str = ""


class Broken(msgspec.Struct, frozen=True, tag=True):
    """A defect of ours."""

    traceback: str


Said = Listing | Opened | Done | Failed | Broken

encode = msgspec.msgpack.encode
order_decoder = msgspec.msgpack.Decoder(Order)
part_decoder = msgspec.msgpack.Decoder(Part)
said_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Said)


def send_frame(connection: socket.socket, body: bytes) -> None:
    connection.sendall(len(body).to_bytes(_LENGTH_BYTES, "big") + body)


def receive_frame(connection: socket.socket) -> bytes:
    """The next frame; raises EOFError if the other side went away."""
    return _exactly(connection, int.from_bytes(_exactly(connection, _LENGTH_BYTES), "big"))


def _exactly(connection: socket.socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        piece = connection.recv(min(PIECE, length - len(received)))
        if not piece:
            raise EOFError
        received += piece
    return bytes(received)

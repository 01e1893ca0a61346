"""The server's side of file operations."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence

from hoplite.exceptions import UnavailableError
from hoplite.execution.protocol import RunAs
from hoplite.files.keeper_link import KeeperLink
from hoplite.files.paths import Place, absolute, below_one
from hoplite.files.wire import (
    LONG_S,
    PIECE,
    STALLED_S,
    Broken,
    ChangeMode,
    Failed,
    List,
    Listing,
    Opened,
    Order,
    Part,
    Read,
    Remove,
    What,
    Write,
    encode,
    receive_frame,
    said_decoder,
    send_frame,
)

_AT_ONCE = 16
"""Operations of one caller that may be under way; a file system that hangs holds up no others."""


class OutsideError(ValueError):
    """The path is below none of the roots."""


class OpenFile:
    """A file that a process of its own holds open; it is to be closed."""

    def __init__(self, connection: socket.socket, opened: Opened) -> None:
        self._connection = connection
        self.facts = opened

    def part(self, start: int, length: int) -> Iterator[bytes]:
        """The bytes.  Raises OSError if there are fewer by now, or they do not come."""
        if not length:
            return
        send_frame(self._connection, encode(Part(start, length)))
        missing = length
        while missing:
            piece = self._connection.recv(min(PIECE, missing))
            if not piece:
                raise OSError(errno.EIO, "the file became shorter, or cannot be read on")
            missing -= len(piece)
            yield piece

    def close(self) -> None:
        self._connection.close()


class Files:
    """Files for callers.  An account is who does it: None is the server's own, which is let below
    ``roots`` alone.  Every method raises OSError as that account's process got it, or
    :class:`~hoplite.exceptions.UnavailableError`."""

    def __init__(self, roots: Sequence[str] = ()) -> None:
        self._home = os.fsencode(os.path.expanduser("~"))
        self._roots = [os.fsencode(root) for root in roots] or [self._home]
        self._link = KeeperLink()
        self._busy: dict[str, int] = {}
        self._counting = threading.Lock()

    def close(self) -> None:
        self._link.close()

    def home(self, account: RunAs | None) -> bytes:
        return self._home if account is None else os.fsencode(account.home)

    def place(self, account: RunAs | None, named: bytes) -> Place:
        """Where the address's path ``named`` is for ``account``.

        Raises :class:`~hoplite.files.paths.BadPathError`, :class:`OutsideError`.
        """
        path = absolute(named, self.home(account))
        place = below_one(path, [b"/"] if account is not None else self._roots)
        if place is None:
            raise OutsideError(b", ".join(self._roots).decode("utf-8", "replace"))
        return place

    @contextlib.contextmanager
    def turn(self, caller: str) -> Iterator[None]:
        """While ``caller`` has something done."""
        with self._counting:
            if self._busy.get(caller, 0) >= _AT_ONCE:
                raise UnavailableError(
                    f"{_AT_ONCE} file operations of {caller} are under way; try again soon"
                )
            self._busy[caller] = self._busy.get(caller, 0) + 1
        try:
            yield
        finally:
            with self._counting:
                self._busy[caller] -= 1
                if not self._busy[caller]:
                    del self._busy[caller]

    def list(self, account: RunAs | None, place: Place, offset: int, limit: int) -> Listing:
        said = self._ask(account, place, List(place.below, offset, limit))
        assert isinstance(said, Listing)
        return said

    def read(self, account: RunAs | None, place: Place, tail: int | None) -> OpenFile:
        connection = self._begin(account, place, Read(place.below, tail))
        try:
            said = _answer(connection)
            assert isinstance(said, Opened)
        except BaseException:
            connection.close()
            raise
        return OpenFile(connection, said)

    def write(
        self, account: RunAs | None, place: Place, pieces: Iterable[bytes], *, force: bool
    ) -> None:
        """Make the file of ``pieces``; if they raise, there is nothing of it."""
        with self._begin(account, place, Write(place.below, force)) as connection:
            try:
                _send_all(connection, pieces)
            except BaseException:
                _break_off(connection)
                raise
            connection.settimeout(LONG_S)
            _answer(connection)

    def change_mode(self, account: RunAs | None, place: Place, mode: str) -> None:
        self._ask(account, place, ChangeMode(place.below, mode))

    def remove(self, account: RunAs | None, place: Place) -> None:
        self._ask(account, place, Remove(place.below), within_s=LONG_S)

    def _ask(
        self, account: RunAs | None, place: Place, what: What, within_s: float = STALLED_S
    ) -> object:
        with self._begin(account, place, what) as connection:
            connection.settimeout(within_s)
            return _answer(connection)

    def _begin(self, account: RunAs | None, place: Place, what: What) -> socket.socket:
        connection = self._link.connect()
        try:
            connection.settimeout(STALLED_S)
            send_frame(connection, encode(Order(account, place.root, what)))
        except OSError as error:
            connection.close()
            raise UnavailableError(f"the process that serves files is gone: {error}") from error
        return connection


def _send_all(connection: socket.socket, pieces: Iterable[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for piece in pieces:
            answered, _, _ = select.select([connection], [], [], 0)
            if answered:
                # It has failed already.
                return
            send_frame(connection, piece)
        send_frame(connection, b"")


def _break_off(connection: socket.socket) -> None:
    """Have the other side see that there is no more, and wait until it has cleared up."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(PIECE):
            pass


def _answer(connection: socket.socket) -> object:
    try:
        said = said_decoder.decode(receive_frame(connection))
    except TimeoutError:
        raise UnavailableError("the file system does not answer") from None
    except (EOFError, OSError) as error:
        raise UnavailableError("the process that serves files ended without an answer") from error
    if isinstance(said, Broken):
        raise RuntimeError(f"in the process that serves files:\n{said.traceback}")
    if isinstance(said, Failed):
        raise OSError(said.number, os.strerror(said.number), said.note or None)
    return said

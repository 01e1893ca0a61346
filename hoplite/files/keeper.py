"""The process that file operations are forked from: ``python -m hoplite.files.keeper FD``.

A fresh interpreter with one thread, which knows nothing of the server's but a socket.  For each
operation it is sent the end of a connection, and forks: the child becomes the account that the order
on that connection names, does it, answers, and ends.  What a file system does to it, like never
answering, it does to this child alone.  It ends with the server.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator

from hoplite.execution.local import accounts
from hoplite.files import operations, uploads
from hoplite.files.beneath import Tree, kernel_resolves
from hoplite.files.wire import (
    LONG_S,
    PIECE,
    STALLED_S,
    Broken,
    ChangeMode,
    Done,
    Failed,
    List,
    Order,
    Read,
    Remove,
    Said,
    Write,
    encode,
    order_decoder,
    part_decoder,
    receive_frame,
    send_frame,
)

_DEPTH = 20_000
_FILES = 65_536


def keep(control: socket.socket) -> None:
    """Fork for every connection that comes, until the server is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.umask(operations.UMASK)
    os.chdir("/")
    kernel_resolves()
    gc.freeze()
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        connection = socket.socket(fileno=descriptors[0])
        try:
            forked = os.fork()
        except OSError:
            # The server finds its connection closed.
            forked = -1
        if forked == 0:
            control.close()
            _serve_and_end(connection)
        connection.close()


def _serve_and_end(connection: socket.socket) -> None:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        serve(connection)
    except (EOFError, OSError):
        # The server wants no answer any more.
        os._exit(1)
    finally:
        os._exit(0)


def serve(connection: socket.socket) -> None:
    """Do the one thing that comes by ``connection``.  Raises OSError or EOFError if the server
    goes away."""
    signal.alarm(STALLED_S)
    order = order_decoder.decode(receive_frame(connection))
    file: int | None = None
    said: Said
    try:
        if order.account is not None:
            accounts.become(order.account)
        _be_ready_for_depth()
        file, said = _done(order, connection)
    except OSError as error:
        note = os.fsdecode(error.filename) if error.filename else ""
        said = Failed(error.errno or 0, note)
    except RecursionError:
        said = Failed(0, "it is nested too deeply")
    except EOFError:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, the server is to know
        said = Broken(traceback.format_exc())
    send_frame(connection, encode(said))
    if file is not None:
        _send_part(connection, file)
    elif isinstance(order.what, Write) and not isinstance(said, Done):
        _drain(connection)


def _done(order: Order, connection: socket.socket) -> tuple[int | None, Said]:
    tree, what = Tree(order.root), order.what
    match what:
        case List():
            return None, operations.listed(tree, what)
        case Read():
            return operations.opened(tree, what)
        case Write():
            uploads.write(tree, what, _pieces(connection))
        case ChangeMode():
            operations.change_mode(tree, what)
        case Remove():
            signal.alarm(LONG_S)
            operations.remove(tree, what)
    return None, Done()


def _be_ready_for_depth() -> None:
    """Removing goes from directory to directory, one call and one descriptor deeper each."""
    sys.setrecursionlimit(_DEPTH)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _FILES if most < 0 else min(most, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


def _pieces(connection: socket.socket) -> Iterator[bytes]:
    """What is to be written.  Raises EOFError if it breaks off before its end."""
    while piece := receive_frame(connection):
        signal.alarm(STALLED_S)
        yield piece
    signal.alarm(LONG_S)


def _drain(connection: socket.socket) -> None:
    """Read on what the server still sends: closing before would take the answer from it."""
    while connection.recv(PIECE):
        pass


def _send_part(connection: socket.socket, file: int) -> None:
    try:
        part = part_decoder.decode(receive_frame(connection))
    except EOFError:
        return
    connection.setblocking(False)
    at, end = part.start, part.start + part.length
    while at < end:
        # A client may be as slow as the server lets it; the file system may not.
        signal.alarm(0)
        select.select([], [connection], [])
        signal.alarm(STALLED_S)
        try:
            sent = os.sendfile(connection.fileno(), file, at, min(PIECE, end - at))
        except BlockingIOError:
            continue
        if not sent:
            # It is shorter than it was: the server sees that bytes are missing.
            return
        at += sent


if __name__ == "__main__":
    keep(socket.socket(fileno=int(sys.argv[1])))

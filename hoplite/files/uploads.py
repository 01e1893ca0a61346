"""Making a file so that there is all of it, or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable

from hoplite.files.beneath import Tree
from hoplite.files.wire import Write

_MODE = 0o666
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
"""What file systems and old kernels say that have no files without a name."""


def write(tree: Tree, order: Write, pieces: Iterable[bytes]) -> None:
    """Make the file of ``pieces``.  Whatever is raised, of it and of directories made for it nothing
    is left."""
    above, _, name = order.path.rpartition(b"/")
    made: list[bytes] = []
    try:
        _make_directories(tree, above, made)
        with tree.find(above, directory=True) as directory:
            _write(directory, name, pieces, force=order.force)
    except BaseException:
        for path in reversed(made):
            _remove_directory(tree, path)
        raise


def _make_directories(tree: Tree, path: bytes, made: list[bytes]) -> None:
    """Make those of ``path`` that are missing, and note them in ``made``."""
    parts = path.split(b"/") if path else []
    for depth in range(1, len(parts) + 1):
        below, at = b"/".join(parts[: depth - 1]), b"/".join(parts[:depth])
        try:
            with tree.find(at, directory=True):
                continue
        except FileNotFoundError:
            pass
        with tree.find(below, directory=True) as directory, contextlib.suppress(FileExistsError):
            os.mkdir(parts[depth - 1], dir_fd=directory)
            made.append(at)


def _remove_directory(tree: Tree, path: bytes) -> None:
    above, _, name = path.rpartition(b"/")
    with (
        contextlib.suppress(OSError),
        tree.find(above, directory=True) as directory,
    ):
        os.rmdir(name, dir_fd=directory)


def _write(directory: int, name: bytes, pieces: Iterable[bytes], *, force: bool) -> None:
    before = _facts(directory, name)
    if before is not None and not force:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    if before is not None and stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    file, temporary = _new_file(directory)
    try:
        for piece in pieces:
            _write_all(file, piece)
        if before is not None and stat.S_ISREG(before.st_mode):
            os.fchmod(file, stat.S_IMODE(before.st_mode) & 0o777)
        os.fsync(file)
        if force:
            temporary = _put_in_place(directory, file, temporary, name)
        else:
            _put_beside(directory, file, temporary, name)
    finally:
        os.close(file)
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=directory)


def _facts(directory: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _new_file(directory: int) -> tuple[int, bytes | None]:
    """A file that has no name, so that it goes with this process; or one with a name of its own."""
    try:
        nameless = os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC
        return os.open(b".", nameless, _MODE, dir_fd=directory), None
    except OSError as error:
        if error.errno not in _NO_NAMELESS:
            raise
    name = _temporary_name()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, _MODE, dir_fd=directory), name


def _put_beside(directory: int, file: int, temporary: bytes | None, name: bytes) -> None:
    """Give it the name if nothing has it; raises FileExistsError."""
    if temporary is None:
        _give_name(directory, file, name)
    else:
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)


def _put_in_place(directory: int, file: int, temporary: bytes | None, name: bytes) -> bytes:
    """Give it the name, whatever had it; the temporary name, which is gone if all went well."""
    if temporary is None:
        temporary = _temporary_name()
        _give_name(directory, file, temporary)
    try:
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(temporary, dir_fd=directory)
        raise
    return temporary


def _give_name(directory: int, file: int, name: bytes) -> None:
    os.link(f"/proc/self/fd/{file}".encode(), name, dst_dir_fd=directory, follow_symlinks=True)


def _temporary_name() -> bytes:
    return f".hoplite-{secrets.token_hex(8)}.part".encode()


def _write_all(file: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(file, rest) :]

"""What can be done to files, by a process that is of the right account."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator

from hoplite.files.beneath import Tree
from hoplite.files.modes import changed
from hoplite.files.tail import start_of_tail
from hoplite.files.wire import ChangeMode, Entry, List, Listing, Opened, Read, Remove

UMASK = 0o022
_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "s",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
}


def listed(tree: Tree, order: List) -> Listing:
    with tree.find(order.path, directory=True) as place:
        directory = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place)
    try:
        names = sorted(os.fsencode(name) for name in os.listdir(directory))
        asked = names[order.offset : order.offset + order.limit]
        entries = list(_entries(tree, order.path, directory, asked))
    finally:
        os.close(directory)
    return Listing(entries, len(names))


def _entries(tree: Tree, path: bytes, directory: int, names: list[bytes]) -> Iterator[Entry]:
    for name in names:
        try:
            facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(facts.st_mode):
            facts = _behind_link(tree, path + b"/" + name) or facts
        kind = _KINDS.get(stat.S_IFMT(facts.st_mode), "f")
        yield Entry(name, kind, facts.st_size, int(facts.st_mtime), facts.st_mode)


def _behind_link(tree: Tree, path: bytes) -> os.stat_result | None:
    try:
        with tree.find(path) as place:
            return os.fstat(place)
    except OSError:
        return None


def opened(tree: Tree, order: Read) -> tuple[int, Opened]:
    """A descriptor for reading and what it leads to; raises OSError for all but regular files."""
    with tree.find(order.path) as place:
        facts = os.fstat(place)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        # The very thing that was looked at, whatever has its name by now.
        file = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        start = _start(file, facts.st_size, order.tail)
    except BaseException:
        os.close(file)
        raise
    return file, Opened(facts.st_size, start, facts.st_mtime_ns, facts.st_ino)


def _start(file: int, size: int, tail: int | None) -> int:
    def read(offset: int, length: int) -> bytes:
        return os.pread(file, length, offset)

    return 0 if tail is None else start_of_tail(read, size, tail)


def change_mode(tree: Tree, order: ChangeMode) -> None:
    with tree.find(order.path) as place:
        facts = os.fstat(place)
        mode = changed(
            order.mode,
            stat.S_IMODE(facts.st_mode),
            directory=stat.S_ISDIR(facts.st_mode),
            umask=UMASK,
        )
        os.chmod(f"/proc/self/fd/{place}", mode)


def remove(tree: Tree, order: Remove) -> None:
    above, _, name = order.path.rpartition(b"/")
    with tree.find(above, directory=True) as place:
        facts = os.stat(name, dir_fd=place, follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            # From descriptor to descriptor: it follows no link, whatever is swapped meanwhile.
            shutil.rmtree(name, dir_fd=place)
        else:
            os.unlink(name, dir_fd=place)

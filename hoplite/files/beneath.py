"""Opening what is below a directory, whatever links and races there are.

Paths are resolved by the kernel (``openat2``) where it has that and is let do it, else step by step
from descriptors that are held, so that nothing that is moved or swapped meanwhile leads out.  All is
opened with ``O_PATH``: that touches neither devices nor pipes.

Below ``/`` all links are followed.  Below any other root a link that leads out is refused (EXDEV), and
so is every absolute one.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import stat
from collections import deque
from collections.abc import Iterator

_OPENAT2 = 437
"""The same number on every architecture but alpha."""
_NO_MAGICLINKS, _BENEATH, _IN_ROOT = 0x02, 0x08, 0x10
_AT_FDCWD = -100
_MOST_LINKS = 40
_TRIES = 64
_O_PATH = getattr(os, "O_PATH", 0)


class _How(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


class Tree:
    """What is below the directory ``root``.  Raises OSError where it cannot be entered."""

    def __init__(self, root: bytes, *, by_kernel: bool | None = None) -> None:
        self._whole = root == b"/"
        self._by_kernel = kernel_resolves() if by_kernel is None else by_kernel
        self._root = os.open(root, _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._root)

    @contextlib.contextmanager
    def find(self, path: bytes, *, directory: bool = False) -> Iterator[int]:
        """A descriptor (``O_PATH``) of what ``path``, relative to the root, leads to.

        Raises OSError: EXDEV where it leads out; ENOTDIR where a ``directory`` is wanted and it is
        none.
        """
        if b"\0" in path:
            raise OSError(errno.EINVAL, "a path holds a NUL byte")
        found = self._open(path or b".")
        try:
            if directory and not stat.S_ISDIR(os.fstat(found).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            yield found
        finally:
            os.close(found)

    def _open(self, path: bytes) -> int:
        if self._by_kernel:
            resolve = _NO_MAGICLINKS | (_IN_ROOT if self._whole else _BENEATH)
            for _ in range(_TRIES):
                # Something above was renamed while the kernel went through "..": once more.
                with contextlib.suppress(BlockingIOError):
                    return _openat2(self._root, path, resolve)
        return _walk(self._root, path, whole=self._whole)


@functools.cache
def kernel_resolves() -> bool:
    """Whether there is ``openat2``: since Linux 5.6, and not where a sandbox knows it not."""
    try:
        os.close(_openat2(_AT_FDCWD, b".", _NO_MAGICLINKS))
    except OSError:
        return False
    return True


def _openat2(root: int, path: bytes, resolve: int) -> int:
    how = _How(_O_PATH | os.O_CLOEXEC, 0, resolve)
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    found = call(
        ctypes.c_long(_OPENAT2),
        ctypes.c_long(root),
        ctypes.c_char_p(path),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(found)


def _walk(root: int, path: bytes, *, whole: bool) -> int:
    held = [os.dup(root)]
    try:
        _follow(held, path, whole=whole)
        return held.pop()
    finally:
        for descriptor in held:
            os.close(descriptor)


def _follow(held: list[int], path: bytes, *, whole: bool) -> None:
    """Go from the last descriptor of ``held`` (the first is the root), keeping all that are above."""
    ahead = deque(path.split(b"/"))
    links = 0
    while ahead:
        part = ahead.popleft()
        if part in (b"", b"."):
            continue
        if part == b"..":
            _up(held, whole=whole)
            continue
        flags = _O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        held.append(os.open(part, flags, dir_fd=held[-1]))
        if not stat.S_ISLNK(os.fstat(held[-1]).st_mode):
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(b"", dir_fd=held[-1])
        os.close(held.pop())
        if target.startswith(b"/"):
            _to_root(held, whole=whole)
        ahead.extendleft(reversed(target.split(b"/")))


def _up(held: list[int], *, whole: bool) -> None:
    if len(held) > 1:
        os.close(held.pop())
    elif not whole:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def _to_root(held: list[int], *, whole: bool) -> None:
    if not whole:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    while len(held) > 1:
        os.close(held.pop())

"""One server for one data directory."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from hoplite.data_directory import LOCK_FILE, give_to_owner_of
from hoplite.exceptions import StorageUnavailableError

_flock: Callable[[int, int], None] | None
try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
except ImportError:  # pragma: no cover - not POSIX: there the lock keeps nobody out
    _flock = None
else:
    _flock = flock

# A probe (see `holder`) shares the lock for an instant, and a server that is just ending holds it
# for one more.
_PATIENCE_S = 0.5


class Holder(msgspec.Struct, frozen=True):
    """The server that holds a data directory, as it wrote into the lock file."""

    pid: int
    started_at: float
    """Seconds since 1970."""
    url: str | None = None
    """None until it listens."""

    def __str__(self) -> str:
        return f"hoplite-server pid {self.pid}" + (f" ({self.url})" if self.url else "")


class DataDirLock:
    """The lock on a data directory: the kernel's, so it ends with the process that took it.

    It is not inherited: neither by a program that the process executes nor by a forked child.
    ``acquire`` and ``release`` may be called again without effect.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / LOCK_FILE
        self._fd: int | None = None
        self._started_at = time.time()
        _locks.add(self)

    @property
    def held(self) -> bool:
        return self._fd is not None

    def acquire(self) -> None:
        """Raises :class:`~hoplite.exceptions.StorageUnavailableError`, which names the holder, or
        says why the lock file cannot be written."""
        if self._fd is not None:
            return
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageUnavailableError(
                f"the data directory {self.path.parent} cannot be locked: {error.strerror}"
            ) from error
        try:
            self._lock(fd)
            self._fd = fd
            self.announce(None)
        except BaseException:
            self._fd = None
            os.close(fd)
            raise

    def announce(self, url: str | None) -> None:
        """Write the server's URL where others who find the lock held look."""
        if self._fd is None:
            return
        told = msgspec.json.encode(Holder(os.getpid(), self._started_at, url)) + b"\n"
        try:
            give_to_owner_of(self.path.parent, self.path)
            os.pwrite(self._fd, told, 0)
            os.ftruncate(self._fd, len(told))
        except OSError as error:
            raise StorageUnavailableError(
                f"the lock file {self.path} cannot be written: {error.strerror}"
            ) from error

    def release(self) -> None:
        """Let the next server in.  The file stays: removing it could take another's lock away."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
            os.close(fd)

    def __enter__(self) -> DataDirLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _lock(self, fd: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not _taken(fd, exclusive=True):
            if time.monotonic() > deadline:
                who = _written(self.path) or "another hoplite-server"
                raise StorageUnavailableError(
                    f"the data directory {self.path.parent} is in use by {who}: stop it, or "
                    "choose another with --data-dir"
                )
            time.sleep(0.02)

    def _drop_in_child(self) -> None:
        # Closing a copy of the descriptor leaves the parent's lock alone; unlocking would not.
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def holder(data_dir: Path) -> Holder | None:
    """Who holds the lock now; None: nobody.  Takes nothing and writes nothing.

    A holder that cannot be read (it is writing just now) has pid 0.
    """
    path = data_dir / LOCK_FILE
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _taken(fd, exclusive=False):
            return None
    finally:
        os.close(fd)
    return _written(path) or Holder(0, 0.0)


def _taken(fd: int, *, exclusive: bool) -> bool:
    if _flock is None:  # pragma: no cover - not POSIX
        return True
    try:
        _flock(fd, (LOCK_EX if exclusive else LOCK_SH) | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None


_locks: weakref.WeakSet[DataDirLock] = weakref.WeakSet()


def _drop_all_in_child() -> None:
    for lock in list(_locks):
        lock._drop_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all_in_child)

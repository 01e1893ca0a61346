"""What an error of SQLite means to who asked: full, unavailable, or a defect of the caller."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from hoplite.exceptions import HopliteError, StorageFullError, StorageUnavailableError

_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
_PRIMARY = 0xFF
_STORAGE = {
    sqlite3.SQLITE_FULL: "no space is left",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "input or output failed",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "access is denied",
    sqlite3.SQLITE_AUTH: "access is denied",
    sqlite3.SQLITE_BUSY: "another process holds it",
    sqlite3.SQLITE_LOCKED: "another process holds it",
    sqlite3.SQLITE_PROTOCOL: "another process holds it",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is damaged",
    sqlite3.SQLITE_NOLFS: "the file system takes no large files",
}
_MAY_HIDE_A_FULL_DISK = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def storage_error(error: BaseException, path: Path) -> HopliteError | None:
    """``error`` as one of storage; None if it says something of the statement, not of the disk."""
    if isinstance(error, HopliteError):
        return error
    if isinstance(error, OSError):
        return _of_errno(error, path)
    if not isinstance(error, sqlite3.Error):
        return None
    primary = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    meaning = _STORAGE.get(primary)
    if meaning is None:
        return None
    if primary == sqlite3.SQLITE_FULL:
        return StorageFullError(f"{path}: {meaning}")
    # SQLite says "I/O error" for an exceeded quota and for a full disk met at fsync or when the
    # shared memory file grows; the directory itself says which it was.
    if primary in _MAY_HIDE_A_FULL_DISK and (seen := _probe(path)) is not None:
        return seen
    return StorageUnavailableError(f"{path}: {meaning} ({error})")


def _of_errno(error: OSError, path: Path) -> HopliteError:
    words = f"{path}: {error.strerror or error}"
    if error.errno in _FULL_ERRNOS:
        return StorageFullError(words)
    return StorageUnavailableError(words)


def _probe(path: Path) -> HopliteError | None:
    """Why a file beside ``path`` cannot be written; None if it can."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(bytes(65536))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return _of_errno(error, path)
    return None

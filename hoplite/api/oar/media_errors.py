"""What the file system said, as OAR says it."""

from __future__ import annotations

import errno
from typing import NamedTuple

from hoplite.api.oar.titled import Titled
from hoplite.exceptions import (
    HopliteError,
    InvalidFieldError,
    NotAuthorizedError,
    NotFoundError,
    StorageFullError,
    TooLargeError,
    UnavailableError,
)


class Words(NamedTuple):
    """What is said, before the path, of one that is missing, and of one that the caller may not."""

    missing: str
    forbidden: str


LISTING = Words("Path not found", "File could not be read")
READING = Words("File not found", "File could not be read")
WRITING = Words("Directory not found", "File could not be written")
CHANGING = Words("File not found", "The mode could not be changed")
REMOVING = Words("File not found", "File or directory is not writeable")

_MISSING = {errno.ENOENT, errno.ENOTDIR}
_FORBIDDEN = {
    0: "it is nested too deeply",
    errno.EACCES: "",
    errno.EPERM: "",
    errno.EROFS: "the file system is read-only",
    errno.ELOOP: "a link in the path leads round in circles, or into a process",
    errno.EXDEV: "a link in the path leads out of where files are served",
    errno.ENXIO: "it is no regular file, and pipes, sockets and devices are not opened",
    errno.EBUSY: "it is in use",
    errno.ENOTEMPTY: "something was put into it meanwhile",
}
_IMPOSSIBLE = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
_FULL = {errno.ENOSPC, errno.EDQUOT}


def shown(path: bytes) -> str:
    """A path for people to read."""
    return path.decode("utf-8", "replace")


def as_answer(error: OSError, path: bytes, words: Words) -> Titled | HopliteError:
    """What to raise for it."""
    number, name = error.errno or 0, shown(path)
    if number in _MISSING:
        return NotFoundError(f"{words.missing}: {name}")
    if number == errno.EISDIR:
        return _is_directory(name, words)
    if number == errno.EEXIST:
        return Titled(
            "File already exists",
            NotAuthorizedError(f"The file already exists: {name}; /media/force{name} replaces it"),
        )
    if number in _FORBIDDEN:
        return NotAuthorizedError(f"{words.forbidden}: {name}{_why(error, _FORBIDDEN[number])}")
    if number in _IMPOSSIBLE:
        return InvalidFieldError(f"path: {error.strerror}: {name}", field="path")
    if number in _FULL:
        return StorageFullError(f"no space is left for {name}: {error.strerror}")
    if number == errno.EFBIG:
        return TooLargeError(f"{name} would be larger than its file system takes")
    return UnavailableError(f"the file system failed at {name}: {error.strerror}")


def _is_directory(name: str, words: Words) -> Titled | HopliteError:
    if words is READING:
        return NotFoundError(f"File not found: {name} is a directory, which /media/ls{name} lists")
    return NotAuthorizedError(f"{words.forbidden}: {name}: it is a directory")


def _why(error: OSError, reason: str) -> str:
    at = f" (at {shown(error.filename)})" if isinstance(error.filename, bytes) else ""
    if isinstance(error.filename, str):
        at = f" (at {error.filename.encode('utf-8', 'replace').decode()})"
    return (f": {reason}" if reason else "") + at

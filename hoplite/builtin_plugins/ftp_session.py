"""A session with an FTP server: what is in its folders, and pieces of its files."""

from __future__ import annotations

import contextlib
import ftplib
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_BLOCK = 64 << 10
BROKEN = (EOFError, ConnectionError, TimeoutError, ssl.SSLEOFError, ftplib.error_temp)
"""After these another session may do better."""


class Place(NamedTuple):
    """Where the server is and who asks."""

    host: str
    port: int
    username: str
    password: str
    timeout_s: float
    encoding: str
    tls: bool
    ca_file: str | None


class Entry(NamedTuple):
    """A file or folder; ``size`` and ``changed`` (as the server writes it) where it tells."""

    name: str
    is_folder: bool
    size: int | None
    changed: str | None


class FtpSession:
    """One connection that has logged in."""

    def __init__(self, place: Place) -> None:
        self._ftp = _ftp(place)
        try:
            self._ftp.connect(place.host, place.port)
            self._ftp.login(place.username, place.password)
            if isinstance(self._ftp, ftplib.FTP_TLS):
                self._ftp.prot_p()
        except BaseException:
            self._ftp.close()
            raise

    def close(self) -> None:
        self._ftp.close()

    def enter(self, folder: str) -> None:
        """Raises ftplib.error_perm if there is no such folder."""
        self._ftp.cwd(folder)

    def entries(self, folder: str) -> Iterator[Entry]:
        """What is in a folder; links and what else has no name of its own are left out."""
        try:
            listed = list(self._ftp.mlsd(folder, ["type", "size", "modify"]))
        except ftplib.error_perm as error:
            if not str(error).startswith(("500", "501", "502", "504")):
                raise
            yield from self._guessed(folder)
            return
        for name, facts in listed:
            kind = facts.get("type", "").lower()
            if kind in ("file", "dir") and _is_plain(name):
                size = facts.get("size")
                yield Entry(name, kind == "dir", int(size) if size else None, facts.get("modify"))

    def _guessed(self, folder: str) -> Iterator[Entry]:
        """For servers that know no MLSD: what can be entered is a folder."""
        self.enter(folder)
        for listed in self._listed_names():
            name = listed.rstrip("/").rpartition("/")[2]
            if not _is_plain(name):
                continue
            path = below(folder, name)
            if self._is_folder(path):
                yield Entry(name, True, None, None)
            else:
                yield Entry(name, False, self._size(path), self._changed(path))

    def _listed_names(self) -> list[str]:
        try:
            return self._ftp.nlst()
        except ftplib.error_perm as error:
            # So some servers say that a folder is empty.
            if str(error).startswith("550"):
                return []
            raise

    def _is_folder(self, path: str) -> bool:
        try:
            self._ftp.cwd(path)
        except ftplib.error_perm:
            return False
        return True

    def _size(self, path: str) -> int | None:
        with contextlib.suppress(ftplib.error_perm, ValueError):
            self._ftp.voidcmd("TYPE I")
            return self._ftp.size(path)
        return None

    def _changed(self, path: str) -> str | None:
        with contextlib.suppress(ftplib.error_perm):
            return self._ftp.voidcmd(f"MDTM {path}").partition(" ")[2].strip()
        return None

    def retrieve(self, path: str, offset: int, take: Callable[[bytes], object]) -> None:
        """The bytes of a file from ``offset`` on.

        Raises ftplib.error_perm, and one of ``BROKEN`` when the connection breaks.
        """
        self._ftp.retrbinary(f"RETR {path}", take, _BLOCK, offset or None)


def below(folder: str, name: str) -> str:
    """The path of what has that name in a folder."""
    return f"{folder.rstrip('/')}/{name}"


def moment(changed: str | None) -> float | None:
    """Seconds since 1970 of ``YYYYMMDDHHMMSS``."""
    try:
        return (
            datetime.strptime((changed or "")[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
        )
    except ValueError:
        return None


def _is_plain(name: str) -> bool:
    """The server must not lead out of the folder that is filled."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0\r\n")


def _ftp(place: Place) -> ftplib.FTP:
    if not place.tls:
        return ftplib.FTP(timeout=place.timeout_s, encoding=place.encoding)
    context = ssl.create_default_context(cafile=place.ca_file)
    return ftplib.FTP_TLS(context=context, timeout=place.timeout_s, encoding=place.encoding)

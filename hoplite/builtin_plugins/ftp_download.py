"""Filling a folder from an FTP server, through broken connections."""

from __future__ import annotations

import contextlib
import ftplib
import glob
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from hoplite.builtin_plugins.ftp_session import BROKEN, Entry, FtpSession, Place, below, moment
from hoplite.builtin_plugins.reporting import Status

_PAUSE_S = 1.0
_TELL_EVERY_S = 0.5
Result = TypeVar("Result")


class RemoteFile(NamedTuple):
    path: str
    local: Path
    entry: Entry

    @property
    def is_here(self) -> bool:
        """Whether the local file has the size and the time of the remote one."""
        changed = moment(self.entry.changed)
        try:
            found = self.local.stat()
        except OSError:
            return False
        return changed is not None and (found.st_size, int(found.st_mtime)) == (
            self.entry.size,
            int(changed),
        )

    @property
    def part(self) -> Path:
        """Where it is while it is incomplete.  Another version of the file has another name."""
        version = f"{self.entry.size or 0}-{self.entry.changed or 'unknown'}"
        return self.local.with_name(f".{self.local.name}.{version}.part")


class Totals(NamedTuple):
    """``skipped`` of the ``files`` were here already."""

    files: int
    bytes: int
    skipped: int


class Download:
    """``retries`` times in a row it goes on with a new session after the last one broke."""

    def __init__(self, place: Place, status: Status, *, resume: bool, retries: int) -> None:
        self._place = place
        self._status = status
        self._resume = resume
        self._retries = retries
        self._session: FtpSession | None = FtpSession(place)
        self._done = 0
        self._told_at = 0.0

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def enter(self, folder: str) -> None:
        """Raises ftplib.error_perm if there is no such folder."""
        self._persistently(lambda session: session.enter(folder))

    def fill(self, source: str, dest: Path) -> Totals:
        """Make ``dest`` have all that is in ``source``; other files in it are left alone."""
        files = list(self._files(source, dest))
        total = sum(file.entry.size or 0 for file in files)
        skipped = 0
        for file in files:
            if self._resume and file.is_here:
                skipped += 1
                self._done += file.entry.size or 0
                continue
            self._fetch(file, total)
        self._tell(total, "done", at_once=True)
        return Totals(len(files), self._done, skipped)

    def _files(self, folder: str, local: Path) -> Iterator[RemoteFile]:
        """All files below, their folders made."""
        entries = self._persistently(lambda session: list(session.entries(folder)))
        for entry in sorted(entries):
            here = local / entry.name
            if entry.is_folder:
                here.mkdir(exist_ok=True)
                yield from self._files(below(folder, entry.name), here)
            else:
                yield RemoteFile(below(folder, entry.name), here, entry)

    def _fetch(self, file: RemoteFile, total: int) -> None:
        part, before = file.part, self._done
        for stale in file.local.parent.glob(f".{glob.escape(file.local.name)}.*.part"):
            # What is known of no version may be the beginning of another.
            if stale != part or not self._resume or file.entry.changed is None:
                stale.unlink()

        def get(session: FtpSession) -> None:
            with part.open("ab") as out:
                self._done = before + out.tell()

                def take(piece: bytes) -> None:
                    out.write(piece)
                    self._done += len(piece)
                    self._tell(total, file.path)

                session.retrieve(file.path, out.tell(), take)

        self._persistently(get)
        _finish(file, part)

    def _persistently(self, do: Callable[[FtpSession], Result]) -> Result:
        tries = 0
        while True:
            done = self._done
            try:
                if self._session is None:
                    self._session = FtpSession(self._place)
                return do(self._session)
            except BROKEN as error:
                self.close()
                tries = 1 if self._done > done else tries + 1
                if tries > self._retries:
                    raise
                print(f"hoplite: {str(error) or type(error).__name__}: trying again")  # noqa: T201 - the job's own log
                time.sleep(_PAUSE_S * min(tries, 5))

    def _tell(self, total: int, text: str, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._told_at > _TELL_EVERY_S:
            self._told_at = now
            self._status.progress(self._done, max(total, self._done), text)


def _finish(file: RemoteFile, part: Path) -> None:
    size = part.stat().st_size
    if file.entry.size is not None and size != file.entry.size:
        part.unlink()
        raise ftplib.Error(
            f"{file.path} has {size} bytes, not the {file.entry.size} that the server told: it has"
            " changed meanwhile"
        )
    part.replace(file.local)
    changed = moment(file.entry.changed)
    if changed is not None:
        with contextlib.suppress(OSError):
            os.utime(file.local, (changed, changed))

"""The index file: JSON lines, a header and then one record for each file, by path."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = "folder-report 1"


class NotAnIndexError(ValueError):
    """The file is not an index that ``hash_tree`` wrote."""


@dataclass(frozen=True)
class FileRecord:
    """One regular file.  ``path`` is relative to the folder, with ``/``."""

    path: str
    bytes: int
    sha256: str | None = None
    """None if it could not be read."""
    link_of: str | None = None
    """The path of an earlier record that is the same file under another name."""
    error: str | None = None


def write(file: Path, folder: Path, records: Iterable[FileRecord]) -> None:
    """All of it or nothing: ``file`` appears when it is complete."""
    part = file.with_name(f"{file.name}.part")
    with part.open("w", encoding="ascii") as out:
        out.write(json.dumps({"format": FORMAT, "folder": str(folder)}) + "\n")
        for record in records:
            known = {key: value for key, value in asdict(record).items() if value is not None}
            out.write(json.dumps(known) + "\n")
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def read(file: Path) -> Iterator[FileRecord]:
    """The records of ``file``; raises :class:`NotAnIndexError` where it is none."""
    with file.open(encoding="utf-8") as lines:
        header = _object(file, 1, next(lines, ""))
        if header.get("format") != FORMAT:
            raise NotAnIndexError(f"{file} does not begin with the header of a {FORMAT!r} index")
        for number, line in enumerate(lines, start=2):
            try:
                yield FileRecord(**_object(file, number, line))
            except TypeError as error:
                raise NotAnIndexError(f"{file}, line {number}: {error}") from None


def _object(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise NotAnIndexError(f"{file}, line {number}: {error}") from None
    if not isinstance(value, dict):
        raise NotAnIndexError(f"{file}, line {number}: not a JSON object")
    return value


def readable(path: str) -> str:
    """``path`` for people and for JSON, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")

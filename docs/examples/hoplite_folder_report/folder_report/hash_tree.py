"""Hash every file of a folder tree."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folder_report import index
from folder_report.config import ConfigError, Status, existing, known_keys, text
from folder_report.index import FileRecord, readable

BLOCK_BYTES = 1 << 20
STEPS = 100
LISTED_ERRORS = 100


def run(config: dict[str, Any], status: Status) -> None:
    """Hash every regular file below ``folder`` (SHA-256) and write an index to ``output``.

    ``folder`` is an absolute path.  ``output`` is a file's path, by default ``folder-report.jsonl``
    in the job's working directory.  Symbolic links are not followed; files that cannot be read are
    listed.  The status gets ``folder, index, files, bytes, links, skipped, unreadable, errors``.
    """
    known_keys(config, "folder", "output")
    folder = existing(config, "folder")
    if not folder.is_dir():
        raise ConfigError(f"config['folder'] is {str(folder)!r}, which is not a folder")
    output = Path(text(config, "output", "folder-report.jsonl")).absolute()
    if not output.parent.is_dir():
        raise ConfigError(f"config['output'] is {str(output)!r}, whose folder does not exist")

    status.update({"folder": readable(str(folder)), "phase": "listing"})
    tree = _listed(folder, leave_out={output, output.with_name(f"{output.name}.part")})
    status.update({"phase": "hashing"})
    summary = Summary(skipped=tree.skipped)
    for failure in tree.failures:
        summary.failed(failure)
    index.write(output, folder, _records(folder, tree, summary, status))
    status.update(
        {
            "phase": "done",
            "index": readable(str(output)),
            "files": summary.files,
            "bytes": summary.bytes,
            "links": summary.links,
            "skipped": summary.skipped,
            "unreadable": summary.unreadable,
            "errors": summary.errors,
        }
    )


@dataclass
class Tree:
    """What is below a folder, by path."""

    files: list[tuple[str, os.stat_result]] = field(default_factory=list)
    skipped: int = 0
    """Symbolic links, sockets, pipes and devices."""
    failures: list[OSError] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(facts.st_size for _, facts in self.files)


@dataclass
class Summary:
    """What the status will say."""

    files: int = 0
    bytes: int = 0
    links: int = 0
    skipped: int = 0
    unreadable: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, record: FileRecord) -> None:
        self.files += record.error is None
        self.links += record.link_of is not None
        self.bytes += record.bytes if record.sha256 and not record.link_of else 0

    def failed(self, error: OSError) -> None:
        self.unreadable += 1
        if len(self.errors) < LISTED_ERRORS:
            self.errors.append(f"{readable(str(error.filename))}: {error.strerror}")


def _listed(folder: Path, leave_out: set[Path]) -> Tree:
    tree = Tree()
    for parent, folders, names in os.walk(folder, onerror=tree.failures.append):
        tree.skipped += sum(Path(parent, name).is_symlink() for name in folders)
        for name in names:
            path = Path(parent, name)
            try:
                facts = path.lstat()
            except OSError as error:
                tree.failures.append(error)
                continue
            if not stat.S_ISREG(facts.st_mode):
                tree.skipped += 1
            elif path not in leave_out:
                tree.files.append((path.relative_to(folder).as_posix(), facts))
    tree.files.sort(key=lambda one: one[0])
    tree.failures.sort(key=lambda error: str(error.filename))
    return tree


def _records(folder: Path, tree: Tree, summary: Summary, status: Status) -> Iterator[FileRecord]:
    seen: dict[tuple[int, int], FileRecord] = {}
    steps = Steps(tree.bytes, status)
    for path, facts in tree.files:
        same = seen.get((facts.st_dev, facts.st_ino))
        if same is not None:
            record = FileRecord(path, same.bytes, same.sha256, same.path)
            steps.advance(facts.st_size, path)
        else:
            record = _hashed(folder, path, facts.st_size, steps, summary)
            if facts.st_nlink > 1 and record.sha256:
                seen[facts.st_dev, facts.st_ino] = record
        summary.add(record)
        yield record
    steps.finish()


def _hashed(folder: Path, path: str, expected: int, steps: Steps, summary: Summary) -> FileRecord:
    digest, size = hashlib.sha256(), 0
    try:
        # Not through a link, nor into a pipe, that took the file's place since it was listed.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(folder / path, flags), "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                steps.advance(len(block), path)
    except OSError as error:
        steps.advance(max(0, expected - size), path)
        error.filename = folder / path
        summary.failed(error)
        return FileRecord(path, expected, error=str(error.strerror))
    steps.advance(max(0, expected - size), path)
    return FileRecord(path, size, digest.hexdigest())


class Steps:
    """Tells the progress in bytes, a hundred times at most, however many files there are."""

    def __init__(self, total: int, status: Status) -> None:
        self._total = total
        self._status = status
        self._done = 0
        self._told = 0

    def advance(self, size: int, path: str) -> None:
        self._done += size
        step = self._done * STEPS // self._total if self._total else 0
        if self._told < step < STEPS:
            self._told = step
            self._status.progress(self._done, self._total, readable(path))

    def finish(self) -> None:
        self._status.progress(self._total, self._total, "all files hashed")

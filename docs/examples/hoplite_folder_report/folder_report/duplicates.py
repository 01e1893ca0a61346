"""Report the identical files of a folder tree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from folder_report import index
from folder_report.config import ConfigError, Status, count, existing, known_keys, text
from folder_report.index import FileRecord, readable


@dataclass(frozen=True)
class Group:
    """Files with the same content; ``bytes`` is the size of one of them."""

    sha256: str
    bytes: int
    wasted_bytes: int
    paths: list[str]


def run(config: dict[str, Any], status: Status) -> None:
    """Report groups of identical files from the index that ``folder_report.hash_tree`` wrote.

    ``index`` is the index's absolute path.  The whole report goes to ``output``, by default
    ``duplicates.json`` in the job's working directory; the status gets the totals and the
    ``show`` (20) groups that waste most.  Further names of one file (hard links) and empty files
    waste nothing and are left out.
    """
    known_keys(config, "index", "output", "show")
    source = existing(config, "index")
    if not source.is_file():
        raise ConfigError(f"config['index'] is {str(source)!r}, which is not a file")
    output = Path(text(config, "output", "duplicates.json")).absolute()
    show = count(config, "show", 20)

    groups = identical(index.read(source))
    report = {
        "groups": len(groups),
        "files": sum(len(group.paths) for group in groups),
        "wasted_bytes": sum(group.wasted_bytes for group in groups),
    }
    everything = {**report, "all": [asdict(group) for group in groups]}
    output.write_text(json.dumps(everything, indent=1) + "\n", encoding="ascii")
    largest = [asdict(group) for group in groups[:show]]
    status.update({**report, "largest": largest, "report": readable(str(output))})


def identical(records: Iterable[FileRecord]) -> list[Group]:
    """Groups of two and more, the most wasteful first."""
    same: dict[tuple[str, int], list[str]] = defaultdict(list)
    for record in records:
        if record.sha256 and record.bytes and not record.link_of:
            same[record.sha256, record.bytes].append(readable(record.path))
    groups = [
        Group(sha256, size, size * (len(paths) - 1), sorted(paths))
        for (sha256, size), paths in same.items()
        if len(paths) > 1
    ]
    return sorted(groups, key=lambda group: (-group.wasted_bytes, group.paths))

"""A process that commits jobs 1, 2, 3 … and says each id when its commit has returned."""

from __future__ import annotations

import sys
from pathlib import Path

from hoplite.journal.store import SqliteJournal
from tests.journal.jobs import a_job, created


def main() -> None:
    journal = SqliteJournal(Path(sys.argv[1]))
    first = journal.last_ids()[0] + 1
    for job_id in range(first, first + int(sys.argv[2])):
        journal.commit(*created(a_job(job_id)))
        print(job_id, flush=True)


if __name__ == "__main__":
    main()

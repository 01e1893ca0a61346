"""An executor in a process of its own, for tests that kill that process.

Reads one spec a line from its input and launches it; prints ``{"started": id}`` or
``{"ended": id}`` for what it hears.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.protocol import Ended, LaunchSpec, Running


class _Printer:
    def started(self, job_id: int, running: Running) -> None:
        print(json.dumps({"started": job_id}), flush=True)

    def ended(self, job_id: int, ended: Ended) -> None:
        print(json.dumps({"ended": job_id}), flush=True)


def main() -> None:
    """Launch until killed."""
    executor = LocalExecutor(Path(sys.argv[1]))
    executor.open(_Printer())
    for line in sys.stdin:
        executor.launch(msgspec.json.decode(line, type=LaunchSpec))


if __name__ == "__main__":
    main()

"""Leave a mark, count in the status, note what the server took, and end as told."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    """``path``: where marks go.  ``count``, ``pause``: how many statuses, and how far apart.
    ``until``: a file to wait for at the end.  ``end``: how to end."""
    me = os.environ["HOPLITE_JOB_ID"]
    _note(config["path"], f"ran {me}")
    for n in range(config.get("count", 3)):
        status.update({"n": n})
        _note(config["path"], f"took {me} {n}")
        time.sleep(config.get("pause", 0.01))
    while "until" in config and not Path(config["until"]).exists():
        time.sleep(0.01)
    _end(config.get("end", "return"))


def _note(path: str, line: str) -> None:
    with open(path, "a") as file:
        file.write(f"{line}\n")


def _end(how: str) -> None:
    if how == "raise":
        raise ValueError("as told")
    if how == "exit":
        sys.exit(3)
    if how == "os_exit":
        os._exit(7)
    if how == "sigkill":
        os.kill(os.getpid(), signal.SIGKILL)

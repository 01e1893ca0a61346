"""What a job leaves running when its process ends.  For wardens only."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Container

from hoplite.execution.local.process_tree import (
    ProcessEntry,
    ProcessId,
    processes,
    send,
    tree,
    with_descendants,
)

_ROUNDS = 50
_PAUSE_S = 0.002


def clear_up(ended: ProcessId, jobs: Container[int]) -> None:
    """Kill all that is left of the job whose process ``ended`` (and is a zombie still).

    ``jobs`` are the pids of the warden's jobs.
    """
    with contextlib.suppress(OSError):
        os.killpg(ended.pid, signal.SIGKILL)
    _kill_until_gone(ended, jobs)


def kill_orphans(jobs: Container[int]) -> None:
    """Kill children of this process that are none of its ``jobs``: a job's descendants come to it
    only when the job's process has ended."""
    _kill_until_gone(None, jobs)


def _kill_until_gone(ended: ProcessId | None, jobs: Container[int]) -> None:
    for _ in range(_ROUNDS):
        left = _left(ended, jobs)
        if not left:
            return
        for process in left:
            if process.state != "Z":
                send(process.id, signal.SIGKILL)
            elif process.parent == os.getpid():
                os.waitpid(process.id.pid, os.WNOHANG)
        # Killed processes take a moment to go; those that come to us by that are found next time.
        time.sleep(_PAUSE_S)


def _left(ended: ProcessId | None, jobs: Container[int]) -> list[ProcessEntry]:
    """All but the jobs themselves: what is alive, and what is to be waited for."""
    table = processes()
    me = os.getpid()
    orphans = [p for p in table.values() if p.parent == me and p.id.pid not in jobs]
    found = {p.id: p for p in with_descendants(orphans, table)}
    if ended is not None:
        found |= {p.id: p for p in tree(ended, table) if p.id != ended}
    return list(found.values())

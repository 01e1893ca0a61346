"""Processes by (pid, start time), the trees they form, and signals that never hit a stranger.

A pid alone says nothing: it is used again.  A pid together with the start time names one process
for as long as the machine is up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import psutil

LINUX = sys.platform == "linux"
_KILL_ROUNDS = 20


class ProcessId(msgspec.Struct, frozen=True):
    """One process.  ``start_time`` is in clock ticks since boot on Linux, elsewhere in milliseconds
    since 1970; it is compared for equality only."""

    pid: int
    start_time: int


class ProcessEntry(msgspec.Struct, frozen=True):
    """What the process table says of a process."""

    id: ProcessId
    parent: int
    group: int
    session: int
    state: str
    """``Z``: zombie, ``T``: stopped; the other letters of proc(5)."""


def entry(pid: int) -> ProcessEntry | None:
    """The process that has ``pid`` now; None if there is none (or none that may be seen)."""
    return _entry_of_proc(pid) if LINUX else _entry_of_psutil(pid)


def identity(pid: int) -> ProcessId | None:
    """Who has ``pid`` now."""
    found = entry(pid)
    return found.id if found else None


def is_alive(process: ProcessId) -> bool:
    """Does it exist and is no zombie."""
    found = entry(process.pid)
    return found is not None and found.id == process and found.state != "Z"


def processes() -> dict[int, ProcessEntry]:
    """All processes, by pid."""
    return {found.id.pid: found for pid in _pids() if (found := entry(pid))}


def tree(root: ProcessId, table: dict[int, ProcessEntry]) -> list[ProcessEntry]:
    """The process ``root`` (a session leader), its descendants, all of its session and group.

    Also right when ``root`` itself is gone: the kernel does not give its pid away while its session
    has members, so a stranger under that pid means that the session is empty.
    """
    holder = table.get(root.pid)
    if holder is not None and holder.id != root:
        return []
    return with_descendants(
        (p for p in table.values() if root.pid in (p.id.pid, p.session, p.group)), table
    )


def with_descendants(
    roots: Iterable[ProcessEntry], table: dict[int, ProcessEntry]
) -> list[ProcessEntry]:
    """``roots`` and all that descends from them, parents before children."""
    children: dict[int, list[ProcessEntry]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process)
    found = {process.id: process for process in roots}
    queue = list(found.values())
    for process in queue:
        for child in children.get(process.id.pid, ()):
            if child.id not in found:
                found[child.id] = child
                queue.append(child)
    return queue


def send(process: ProcessId, signum: int) -> bool:
    """Send ``signum`` to this very process; False if it is gone or may not be signalled."""
    try:
        descriptor = os.pidfd_open(process.pid) if LINUX else None
    except ProcessLookupError:
        return False
    except OSError:
        descriptor = None
    try:
        # The look comes after the descriptor was opened: if the pid still belongs to the process
        # now, it did then, and the descriptor is that of the process.
        if identity(process.pid) != process:
            return False
        if descriptor is None:
            os.kill(process.pid, signum)
        else:
            signal.pidfd_send_signal(descriptor, signum)
        return True
    except OSError:
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)


def signal_tree(root: ProcessId, signum: int) -> bool:
    """Send ``signum`` to all living processes of the tree; False if there are none.

    SIGSTOP goes to children that are born meanwhile too.
    """
    if signum == signal.SIGSTOP:
        return _stop_tree(root)
    living = [p for p in tree(root, processes()) if p.state != "Z"]
    sent = [send(p.id, signum) for p in living]
    return any(sent)


def _stop_tree(root: ProcessId) -> bool:
    stopped: set[ProcessId] = set()
    for _ in range(_KILL_ROUNDS):
        living = {p.id for p in tree(root, processes()) if p.state != "Z"} - stopped
        if not living:
            break
        for process in living:
            send(process, signal.SIGSTOP)
        stopped |= living
    return bool(stopped)


def terminate_tree(root: ProcessId) -> bool:
    """SIGTERM to the tree, and SIGCONT to those that are stopped; False if there is no process."""
    living = [p for p in tree(root, processes()) if p.state != "Z"]
    sent = [send(p.id, signal.SIGTERM) for p in living]
    for process in living:
        if process.state in "Tt":
            send(process.id, signal.SIGCONT)
    return any(sent)


def kill_tree(root: ProcessId) -> None:
    """SIGKILL to the tree, children that are born meanwhile included."""
    told: set[ProcessId] = set()
    for _ in range(_KILL_ROUNDS):
        living = {p.id for p in tree(root, processes()) if p.state != "Z"} - told
        if not living:
            return
        for process in living:
            send(process, signal.SIGKILL)
        told |= living


def _pids() -> list[int]:
    if LINUX:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    import psutil

    return list(psutil.pids())


def _entry_of_proc(pid: int) -> ProcessEntry | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read()
    except OSError:
        return None
    # The name is in parentheses and may hold anything, parentheses too.
    fields = stat[stat.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    return ProcessEntry(
        id=ProcessId(pid, int(fields[19])),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        state=fields[0].decode(),
    )


def _entry_of_psutil(pid: int) -> ProcessEntry | None:
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        return ProcessEntry(
            id=ProcessId(pid, int(process.create_time() * 1000)),
            parent=process.ppid(),
            group=os.getpgid(pid),
            session=os.getsid(pid),
            state=_state_letter(process),
        )
    return None


def _state_letter(process: psutil.Process) -> str:
    return {"zombie": "Z", "stopped": "T"}.get(process.status(), "S")

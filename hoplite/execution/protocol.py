"""What an engine must do for the manager, and what it tells it.

An engine implements :class:`Executor` and passes ``tests/conformance/test_executor.py``.  It owns
everything that is true of processes only (pids, signals, directories); the manager owns states,
history, order and rights.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import msgspec

from hoplite.model.fault import Fault

INPUT_FILE = "input"
"""What was put for a job before its start, below the job's directory."""
RESULT_FILE = "work/.hoplite-result"
"""What a job leaves by ``status.write_result``."""


class Verb(StrEnum):
    """What an engine may be able to do beside launching; the rest is refused by name."""

    KILL = "kill"
    SIGNAL = "signal"
    SUSPEND = "suspend"
    RESUME = "resume"
    HOLD = "hold"
    SET_NODE = "set_node"


class RunAs(msgspec.Struct, frozen=True):
    """The Unix account that a job runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    shell: str = ""


class LaunchSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that the job's process needs.  Secret: it holds the job's key."""

    job_id: int
    uuid: str
    plugin: str
    entry_point: str
    """``package.module`` or ``package.module:attribute``."""
    config: msgspec.Raw
    server_url: str
    """Where status goes, like ``http://127.0.0.1:5000``."""
    server_url_file: str
    """A file with the server's present URL, read again when ``server_url`` does not answer."""
    api_key: str
    workdir: str | None
    """None: ``work`` below the job's directory."""
    env: dict[str, str]
    run_as: RunAs | None
    """None: the server's own account."""
    timeout_s: float | None
    kill_grace_s: float
    status_retry_s: float
    files: dict[str, str] = {}
    """Texts by names, which the job's account finds below the job's directory."""
    programs: dict[str, str] = {}
    """The same, for texts that the account is to run; nobody else can read them."""
    input_file: str | None = None
    """What the job reads by ``status.read_input``."""
    result_file: str | None = None
    """Where ``status.write_result`` leaves what it is given, of up to ``max_result_bytes``."""
    max_result_bytes: int = 0
    stdout: str | None = None
    """A file that standard output is appended to, opened by the job's account in its working
    directory; None: ``stdout`` in the job's directory."""
    stderr: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the job's process wrote of its own end."""

    returned: bool
    """``run`` came back; False: it raised."""
    exit_code: int
    exception: msgspec.Raw | None = None
    """The record for ``status["exception"]``."""
    status: msgspec.Raw | None = None
    """The last status, where the server was not told it or had not taken it."""
    fault: Fault | None = None
    """What kept it from running the plugin; None too if it was something else."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a job's process, as the engine knows it."""

    exit_code: int | None = None
    """None when a signal ended it, and when nobody knows."""
    signal: int | None = None
    timed_out: bool = False
    out_of_memory: bool = False
    """SIGKILL while the kernel's count of out-of-memory kills rose."""
    usage: dict[str, Any] | None = None
    """``user_s``, ``system_s``, ``max_rss_bytes`` of the process and its reaped children."""
    report: Report | None = None
    lost: str | None = None
    """Why nothing is known of the end: ``rebooted``, ``vanished``."""
    launch_error: str | None = None
    """The process could not be made."""
    log_bytes: int = 0
    at: float
    """Seconds since 1970."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A process that exists.  ``handle`` is a plain JSON value, unique across restarts."""

    handle: msgspec.Raw
    started_at: float


class NeverStarted(msgspec.Struct, frozen=True):
    """The job has no process, had none, and will get none from an earlier launch."""


class Listener(Protocol):
    """What the manager hears, from the engine's own threads; calls for one job come in order."""

    def started(self, job_id: int, running: Running) -> None: ...

    def ended(self, job_id: int, ended: Ended) -> None: ...


class Executor(Protocol):
    """An engine.  ``close`` may be called twice and leaves the jobs running."""

    verbs: frozenset[Verb]

    def open(self, listener: Listener) -> None:
        """Get ready; must be called once, before all else."""
        ...

    def launch(self, spec: LaunchSpec) -> None:
        """Make the job's process.  Returns at once; ``started`` (not if it could not be made) and
        then ``ended`` follow, each once, even if this engine instance never hears of the process
        again."""
        ...

    def adopt(self, job_id: int, handle: msgspec.Raw | None) -> Running | Ended | NeverStarted:
        """After a restart: what became of a job that was launched before.  ``handle`` is None if
        the journal has none.  After ``Running``, ``ended`` follows; after ``NeverStarted`` the job
        may be launched anew and nothing can run twice."""
        ...

    def signal(self, job_id: int, signum: int) -> bool:
        """Send a signal to the whole process tree now; False if there is no process any more.
        After SIGSTOP nothing of the tree runs."""
        ...

    def extend(self, job_id: int, extra_s: float | None) -> None:
        """Let the job run ``extra_s`` longer (or, if negative, shorter) than the ``timeout_s`` that
        it was launched with, in place of what was said before; None: its time stands still until
        this is called again.  A time that is over by then ends the job at once.  Outlives this
        engine instance."""
        ...

    def kill(self, job_id: int, grace_s: float) -> bool:
        """SIGTERM to the whole tree now, SIGKILL to what is left after ``grace_s``; False if there
        is no process any more.  Returns when SIGTERM was sent."""
        ...

    def reload(self) -> None:
        """Jobs launched from now on see packages installed, upgraded or removed since."""
        ...

    def directory(self, job_id: int) -> Path:
        """Where the job's ``stdout`` and ``stderr`` files are, and ``work``, in which its account may
        write."""
        ...

    def put_input(self, job_id: int, pieces: Iterable[bytes]) -> None:
        """Keep these bytes as ``INPUT_FILE`` of a job that was not launched yet, readable for its
        account, in place of what was there.  There are all of them when this returns, also after
        a crash; or none, if it raises StorageFullError or StorageUnavailableError."""
        ...

    def forget(self, job_ids: Iterable[int]) -> None:
        """Remove all that is on disk of these ended jobs."""
        ...

    def close(self) -> None: ...

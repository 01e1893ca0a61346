"""Programs that are run beside jobs, as an account and for a bounded time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

from hoplite.execution.protocol import RunAs

_PASSED_ON = ("PATH", "LANG", "TZ")
_PATH = "/usr/local/bin:/usr/bin:/bin"


def run_program(
    argv: Sequence[str], run_as: RunAs | None, said: str, timeout_s: float
) -> int | None:
    """Run it with ``said`` as its input, in a session of its own; its exit code, None if it was
    ended after ``timeout_s`` with its whole group.  Raises OSError if it cannot be run."""
    environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environ = {"PATH": _PATH, "HOME": "/", **environ}
    account: dict[str, Any] = {}
    if run_as is not None:
        environ |= {"HOME": run_as.home, "USER": run_as.name, "LOGNAME": run_as.name}
        if run_as.uid != os.geteuid():
            account = {"user": run_as.uid, "group": run_as.gid, "extra_groups": run_as.groups}
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environ,
        cwd="/",
        start_new_session=True,
        text=True,
        **account,
    )
    try:
        process.communicate(said, timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
    finally:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
    return process.returncode

"""What becomes of a job, by what happened to it: the table that the docs print.

``docs/outcomes.rst`` has the same rows in the same words, and ``test_outcomes.py`` plays each of
them against a real server.
"""

from __future__ import annotations

from typing import Any, NamedTuple

NOBODY = "nobody runs"
"""Neither a server nor a warden (the process that jobs are forked from)."""


class Row(NamedTuple):
    """``exit_code`` and ``signal`` as the job's answer has them."""

    what: str
    state: str
    outcome: str
    exit_code: int | None
    signal: int | None
    exception: str | None
    """The type in ``status["exception"]``; None: there is none."""
    plugin: str | None = None
    """The plugin with which a test plays it; None: it needs more, and has a test of its own."""
    config: dict[str, Any] | None = None


ROWS = [
    Row("``run`` returns", "Terminated", "succeeded", 0, None, None, "golden.noop"),
    Row("``sys.exit()`` or ``sys.exit(0)``", "Terminated", "succeeded", 0, None, None,
        "golden.sys_exit"),
    Row("``run`` raises", "Terminated", "failed", 1, None, "the exception's class",
        "golden.raise_type_error"),
    Row("``sys.exit(3)``", "Terminated", "failed", 3, None, "SystemExit",
        "golden.sys_exit", {"code": 3}),
    Row("``os._exit(7)``", "Terminated", "failed", 7, None, "ProcessExited", "golden.os_exit"),
    Row("``os._exit(0)``", "Terminated", "failed", 0, None, "ProcessExited",
        "golden.os_exit", {"code": 0}),
    Row("dies of a signal that was not sent through hoplite", "Terminated", "failed", None, 9,
        "ProcessSignalled", "golden.sigkill_self"),
    Row("the plugin cannot be imported", "Terminated", "failed", 1, None,
        "hoplite.exceptions.JobPluginLoadError", "golden.import_error"),
    Row("the plugin has no ``run``", "Terminated", "failed", 1, None,
        "hoplite.exceptions.JobPluginLoadError", "golden.no_run"),
    Row("is killed, and obeys SIGTERM", "Error", "killed", None, 15, None),
    Row("is killed, and ignores SIGTERM", "Error", "killed", None, 9, None),
    Row("is killed while it waits or before its process began it", "Error", "cancelled", None,
        None, None),
    Row("runs longer than its ``timeout``", "Error", "timed_out", None, 15, "JobTimedOut"),
    Row("ends while no server runs", "", "as above", None, None, None),
    Row("returns, raises or exits by ``sys.exit`` while nobody runs", "", "as above", None, None,
        None),
    Row("dies or calls ``os._exit`` while nobody runs", "Error", "lost", None, None, "JobLost"),
    Row("the machine reboots while it runs", "Error", "lost", None, None, "JobLost"),
    Row("is to be killed, and the machine reboots", "Error", "killed", None, None, None),
]  # fmt: skip

"""The job's own half: runs the plugin in this process and leaves the outcome behind.

An engine that has made a process for a job calls :func:`run_job` in it, and nothing else.
"""

from __future__ import annotations

import atexit
import errno
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import msgspec

from hoplite.client.status_updater import JobFileNames, StatusUpdater
from hoplite.exceptions import JobPluginLoadError
from hoplite.execution.exception_record import exception_record
from hoplite.execution.protocol import LaunchSpec, Report
from hoplite.execution.written import ReportFile
from hoplite.model.fault import Fault

_REPORT_RETRY_S = 0.25
_Run = Callable[[Any, StatusUpdater], object]


class Step(NamedTuple):
    """Something to do before the plugin is run."""

    do: Callable[[], None]
    fault: Fault | None = None
    """What it is if that raises."""


def run_job(spec: LaunchSpec, report_fd: int, steps: Sequence[Step]) -> NoReturn:
    """Run the job and end this process with its exit code.

    ``steps`` are done first; what they raise fails the job like an exception of the plugin.  The
    report goes to ``report_fd`` before threads that still run are waited for.
    """
    status = StatusUpdater(
        spec.server_url,
        spec.uuid,
        spec.api_key,
        retry_s=spec.status_retry_s,
        address_file=spec.server_url_file,
        files=JobFileNames(spec.input_file, spec.result_file, spec.max_result_bytes),
    )
    file, pid = _file_behind(report_fd), os.getpid()
    code, failure, fault = _outcome(spec, status, steps)
    # A child that the plugin forked may come back to here too, and a plugin may have closed all
    # descriptors and opened files of its own under their numbers.
    if pid == os.getpid() and file == _file_behind(report_fd):
        _leave_report(report_fd, _report(code, failure, fault, status), spec.status_retry_s)
    if failure is not None:
        _tell_stderr(failure)
    _leave(code)


def load_plugin(name: str, entry_point: str) -> _Run:
    """The function that ``entry_point`` (``module`` or ``module:attribute``) leads to: the
    attribute's ``run``, or the attribute itself.  Raises JobPluginLoadError."""
    module_name, _, path = entry_point.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except BaseException as error:
        raise JobPluginLoadError(
            f"job plugin '{name}': module '{module_name}' cannot be imported: "
            f"{type(error).__name__}: {exception_record(error)['message']}"
        ) from error
    for part in filter(None, path.split(".")):
        if not hasattr(found, part):
            raise JobPluginLoadError(f"job plugin '{name}': '{entry_point}' has no '{part}'")
        found = getattr(found, part)
    run = getattr(found, "run", found if path else None)
    if not callable(run):
        raise JobPluginLoadError(
            f"job plugin '{name}': '{entry_point}' has no function run(config, status)"
        )
    return run  # type: ignore[no-any-return]  # what the plugin takes and returns is its own affair


def _outcome(
    spec: LaunchSpec, status: StatusUpdater, steps: Sequence[Step]
) -> tuple[int, BaseException | None, Fault | None]:
    """The exit code, and what it failed with if it did."""
    fault = None
    try:
        for do, fault in steps:  # noqa: B007 - that of the step that raises is told below
            do()
        fault = None
        run = load_plugin(spec.plugin, spec.entry_point)
        run(msgspec.json.decode(spec.config), status)
    except SystemExit as leaving:
        code = _exit_code(leaving)
        return code, leaving if code else None, fault
    except BaseException as error:  # noqa: BLE001 - whatever the plugin raised is its outcome
        return 1, error, fault
    return 0, None, None


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    # The kernel keeps eight bits.
    return leaving.code & 0xFF if isinstance(leaving.code, int) else 1


def _file_behind(descriptor: int) -> tuple[int, int] | None:
    try:
        facts = os.fstat(descriptor)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _report(
    code: int, failure: BaseException | None, fault: Fault | None, status: StatusUpdater
) -> Report:
    record = None if failure is None else _json(exception_record(failure, own_file=__file__))
    return Report(
        returned=failure is None,
        exit_code=code,
        exception=record,
        status=_unacknowledged(status),
        fault=fault,
    )


def _unacknowledged(status: StatusUpdater) -> msgspec.Raw | None:
    last = status.unacknowledged
    return None if last is None else _json(last)


def _json(value: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _leave_report(report_fd: int, report: Report, retry_s: float) -> None:
    text = msgspec.json.encode(ReportFile.of(report, childless=_is_childless())) + b"\n"
    deadline = time.monotonic() + retry_s
    while not _written(report_fd, text):
        if time.monotonic() > deadline:
            return
        time.sleep(_REPORT_RETRY_S)


def _written(report_fd: int, text: bytes) -> bool:
    """Write it whole in one write; False if there is no space now."""
    try:
        if os.pwrite(report_fd, text, 0) == len(text):
            return True
        os.ftruncate(report_fd, 0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return True
    return False


def _is_childless() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return threading.active_count() == 1
    except (OSError, AttributeError):
        return False
    return False


def _tell_stderr(failure: BaseException) -> None:
    if isinstance(failure, SystemExit):
        text = "" if isinstance(failure.code, int) else f"{exception_record(failure)['message']}\n"
    else:
        text = exception_record(failure, own_file=__file__)["traceback"]["text"]
    try:
        sys.stderr.write(text)
    except (OSError, ValueError, AttributeError):
        return


def _leave(code: int) -> NoReturn:
    """What the interpreter does at its end, without the slow tearing down of modules."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing does
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:  # noqa: BLE001 - the job has its outcome already
        os.write(2, f"{type(error).__name__} at the end of the job\n".encode())
    finally:
        os._exit(code)

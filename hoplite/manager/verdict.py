"""From the facts of a process's end to the job's outcome, in words too.  Pure."""

from __future__ import annotations

import signal as signals
from typing import Any

import msgspec

from hoplite.execution.protocol import Ended, Report
from hoplite.model.batch import runs_nothing
from hoplite.model.batch_types import read_types
from hoplite.model.fault import Fault
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome


class Verdict(msgspec.Struct, frozen=True):
    """``exception`` is the record for ``status["exception"]``; None: the status stays as it is."""

    outcome: Outcome
    reason: str | None
    exception: Any = None
    fault: Fault | None = None


def signal_name(number: int) -> str:
    """``SIGTERM (15)``."""
    try:
        return f"{signals.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def judge(job: Job, ended: Ended) -> Verdict:
    """What became of ``job``.  Asked-for ends first, then what the job said, then what was seen."""
    report = ended.report
    said = report.exception if report is not None else None
    if (quiet := _end_of_noop(job, ended)) is not None:
        return quiet
    if ended.timed_out:
        return _timed_out(job, said)
    if report is not None and report.returned and ended.signal is None and not ended.exit_code:
        return Verdict(Outcome.SUCCEEDED, None)
    if _was_killed(job, ended):
        return Verdict(Outcome.KILLED, _killed_words(job, ended), said)
    if ended.launch_error is not None:
        reason = f"its process could not be made: {ended.launch_error}"
        return Verdict(Outcome.FAILED, reason, _record("JobLaunchError", reason))
    if ended.lost is not None:
        return _lost(ended.lost)
    return _failed(ended, report)


def _end_of_noop(job: Job, ended: Ended) -> Verdict | None:
    """What runs nothing does what it is for until its walltime is over; a noop job, as in OAR, or
    until its owner wants it to end."""
    if job.batch is None or not runs_nothing(job.batch):
        return None
    if ended.timed_out:
        return Verdict(Outcome.SUCCEEDED, "its walltime is over")
    if not read_types(job.batch.types).noop:
        return None
    if job.granted.kill_reason is None and _was_killed(job, ended):
        return Verdict(Outcome.SUCCEEDED, f"deleted by {job.kill_by}")
    return None


def _was_killed(job: Job, ended: Ended) -> bool:
    """A kill that came after the end changes nothing."""
    if job.kill_by is None or job.kill_at is None or ended.launch_error is not None:
        return False
    return ended.at >= job.kill_at


def _timed_out(job: Job, said: Any) -> Verdict:
    limit, seconds = "timeout", job.timeout_s
    if seconds is None or (job.walltime_s is not None and job.walltime_s < seconds):
        limit, seconds = "walltime", job.walltime_s or 0.0
    reason = f"it ran longer than its {limit} of {seconds:g} s"
    return Verdict(Outcome.TIMED_OUT, reason, said or _record("JobTimedOut", reason))


def _killed_words(job: Job, ended: Ended) -> str:
    if job.granted.kill_reason is not None:
        return job.granted.kill_reason
    if ended.signal is not None:
        return f"killed by {job.kill_by} with {signal_name(ended.signal)}"
    if ended.exit_code is not None:
        return f"killed by {job.kill_by}; it caught the signal and exited with {ended.exit_code}"
    return f"killed by {job.kill_by}; nothing was seen of its end"


def _lost(how: str) -> Verdict:
    words = {
        "rebooted": "the machine was rebooted while it ran",
        "vanished": "its process vanished without a word, and what had watched it was gone too",
    }
    reason = words.get(how, how)
    return Verdict(Outcome.LOST, reason, _record("JobLost", reason))


def _failed(ended: Ended, report: Report | None) -> Verdict:
    if report is not None and report.exception is not None:
        words = _exception_words(report.exception)
        return Verdict(Outcome.FAILED, words, report.exception, report.fault)
    if ended.signal is not None:
        reason = (
            f"its process died of {signal_name(ended.signal)}, which nobody sent through hoplite"
        )
        if ended.out_of_memory:
            reason += "; the kernel's out-of-memory killer struck at that time"
            return Verdict(Outcome.FAILED, reason, _record("OutOfMemory", reason))
        return Verdict(Outcome.FAILED, reason, _record("ProcessSignalled", reason))
    reason = f"its process exited with code {ended.exit_code} before run returned"
    if report is not None and report.returned:
        reason = f"run returned, but its process then exited with code {ended.exit_code}"
    return Verdict(Outcome.FAILED, reason, _record("ProcessExited", reason))


def _exception_words(record: msgspec.Raw) -> str:
    try:
        fields = msgspec.json.decode(record, type=_Said)
    except msgspec.MsgspecError:
        return "it raised"
    if fields.type == "SystemExit":
        return f"it exited with code {fields.message}"
    if fields.type.endswith("JobPluginLoadError"):
        return f"it did not begin: {fields.message[:300]}"
    first_line = fields.message.splitlines()[0] if fields.message else ""
    return (
        f"it raised {fields.type}: {first_line[:300]}" if first_line else f"it raised {fields.type}"
    )


class _Said(msgspec.Struct):
    type: str = "an exception"
    message: str = ""


def _record(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "traceback": None, "previous_exception": None}


def status_at_end(job: Job, ended: Ended, verdict: Verdict) -> msgspec.Raw:
    """The status to keep: what the server had not taken yet, and the exception."""
    status = job.status
    if ended.report is not None and ended.report.status is not None:
        status = ended.report.status
    if verdict.exception is None:
        return status
    fields: dict[str, msgspec.Raw] = msgspec.json.decode(status, type=dict[str, msgspec.Raw])
    exception = verdict.exception
    if not isinstance(exception, msgspec.Raw):
        exception = msgspec.Raw(msgspec.json.encode(exception))
    return msgspec.Raw(msgspec.json.encode({**fields, "exception": exception}))

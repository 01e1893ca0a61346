"""Reading the record of an exception in a job's status, whatever is in it.

The record's form is told in "When a job fails" in the docs.  Where a job failed because another job
had failed, a ``previous_exception`` is that job's record, with its ``address`` and ``uuid``.
"""

from __future__ import annotations

from typing import Any


def record(value: Any) -> dict[str, Any]:
    """``value`` if it is a record; else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """``value`` if it is text; else an empty one."""
    return value if isinstance(value, str) else ""


def job_records(outer: Any) -> list[dict[str, Any]]:
    """The record of a job that failed, and those of the jobs that it failed of, in order."""
    found = [record(outer)]
    inner = found[0].get("previous_exception")
    while isinstance(inner, dict):
        if "uuid" in inner:
            found.append(inner)
        inner = inner.get("previous_exception")
    return found


def failure_text(address: str, uuid: str, traceback: Any, outer: Any) -> str:
    """What a job failed of, for people: each job with its traceback, then the root of it."""
    first, *nested = job_records(outer)
    if not first:
        return f"Job {uuid} on {address} failed" + ("" if outer is None else f": {outer}")
    lines = _of_one_job(address, uuid, first, traceback)
    for one in nested:
        lines += _of_one_job(one.get("address"), one.get("uuid"), one, one.get("traceback"))
    root = (nested or [first])[-1]
    lines.append(f"Root Error Type: {text(root.get('type'))}")
    lines.append(f"Root Error Message: {text(root.get('message'))}")
    return "\n".join(line for line in lines if line)


def _of_one_job(address: Any, uuid: Any, told: dict[str, Any], traceback: Any) -> list[str]:
    # The first line only: the message of a nested failure repeats all that is told below.
    said = f"{text(told.get('type'))}: {text(told.get('message'))}".partition("\n")[0]
    return [f"Job {uuid} on {address} failed: {said}", text(record(traceback).get("text")).rstrip()]

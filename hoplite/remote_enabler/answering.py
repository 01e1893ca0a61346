"""What came of a remote call: the value, or the exception that the function raised."""

from __future__ import annotations

import builtins
import json
import pickle
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from hoplite.client.remote_job import RemoteJob
from hoplite.exceptions import (
    JobFailedError,
    RemoteCallError,
    TimeoutError,
    VersionMismatchError,
)
from hoplite.remote_enabler import envelope
from hoplite.remote_enabler.performing import RAISED, RETURNED
from hoplite.remote_enabler.server import Server

_OURS = {f"{cls.__module__}.{cls.__name__}": cls for cls in (RemoteCallError, VersionMismatchError)}
_NOT_REBUILT = frozenset({"StopIteration", "StopAsyncIteration"})
REBUILT: Mapping[str, type[Exception]] = _OURS | {
    f"builtins.{name}": cls
    for name, cls in vars(builtins).items()
    if isinstance(cls, type)
    and issubclass(cls, Exception)
    and cls.__name__ == name
    and name not in _NOT_REBUILT
    and not issubclass(cls, ExceptionGroup)
}
"""The exceptions that are made anew from their names and arguments; nothing else is."""


def answer(job: RemoteJob, server: Server, name: str) -> Any:
    """What the call returned, once its job has ended; raises what it raised."""
    try:
        job.raise_unless_succeeded()
    except JobFailedError as failed:
        raise_remote(failed, server)
    told = (job.info()["status"] or {}).get(RETURNED)
    if not isinstance(told, dict):
        _raise_unanswered(job, name)
    return value_of(told, job.result, lambda: server.may_be_unpickled)


def _raise_unanswered(job: RemoteJob, name: str) -> NoReturn:
    reason = f"{name} ended its process, by sys.exit, before it returned"
    record = {"type": "ProcessExited", "message": reason, "traceback": None}
    raise JobFailedError(job.where, job.uuid, None, record, status=job.info()["status"])


def value_of(
    told: Mapping[str, Any], result_file: Callable[[], bytes], trusted: Callable[[], bool]
) -> Any:
    """The value that an answer tells.  Raises RemoteCallError."""
    data = result_file() if "file" in told else envelope.from_text(told.get("data"))
    if "file" in told and envelope.digest(data) != told["file"]:
        raise RemoteCallError("the result did not come whole: the result file is another")
    if told.get("codec") == envelope.JSON:
        return json.loads(data)
    if not trusted():
        raise RemoteCallError(
            "the server sent a pickle, which is not read from one that is not trusted"
        )
    return envelope.unpacked(told, data, "the result")


def raise_remote(failed: JobFailedError, server: Server) -> NoReturn:
    """Raise what the function raised, from ``failed``, which has the remote traceback; or ``failed``
    itself if it is none that can be raised here."""
    if failed.outcome == "timed_out":
        raise TimeoutError(failed.uuid, f"Job {failed.uuid} took longer than it may") from failed
    original = original_of(failed.status.get(RAISED), lambda: server.may_be_unpickled)
    if original is None:
        raise failed
    raise original from failed


def original_of(told: Any, trusted: Callable[[], bool]) -> Exception | None:
    """The exception that an answer tells; None if it cannot be made here."""
    if not isinstance(told, dict):
        return None
    if "data" in told and trusted():
        found = _unpickled(told)
        if found is not None:
            return found
    cls, args = REBUILT.get(str(told.get("type"))), told.get("args")
    if cls is None or not isinstance(args, list):
        return None
    try:
        return cls(*args)
    except Exception:  # noqa: BLE001 - then it is not one that can be made of these
        return None


def _unpickled(told: Mapping[str, Any]) -> Exception | None:
    try:
        envelope.check_versions(told)
        found = pickle.loads(envelope.from_text(told["data"]))
    except Exception:  # noqa: BLE001 - JobFailedError tells all that is known of it
        return None
    return found if isinstance(found, Exception) else None

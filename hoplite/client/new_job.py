"""Asking for a new job."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from hoplite.client.job_info import JobInfo
from hoplite.client.server_connection import ServerConnection


class JobOptions(TypedDict, total=False):
    """What a new job may have beside its plugin and config.

    With any key from ``resource`` on, it waits in a queue for resources, see :http:post:`/jobs`.
    """

    time_limit_s: float
    """Seconds of running after which the server ends it."""
    env: Mapping[str, str]
    """Variables that are added to its environment."""
    workdir: str
    """The absolute path, over there, of the directory to run in."""
    resource: str | Sequence[str]
    """Like ``/nodes=1/core=2``; of several it gets the one with which it ends first."""
    walltime: int
    """Seconds, where ``resource`` does not say."""
    queue: str
    types: Sequence[str]
    """Like ``besteffort``."""
    properties: str
    """A filter for resources, like ``mem > 1000``."""
    job_name: str
    project: str
    hold: bool
    """Wait, even when it is started, until it is resumed."""
    after: Sequence[int]
    """Ids of jobs that must have ended before."""
    success_only: bool
    """They must have succeeded, too."""
    reservation: str
    """Start just then: ``YYYY-MM-DD HH:MM:SS`` in the server's time, or ISO 8601 with an offset."""
    checkpoint: int
    """Seconds before the end of the walltime at which it gets ``signal``."""
    signal: int
    """The checkpoint signal."""
    notify: str
    """Whom to tell of it."""
    stdout: str
    """A file over there that the output is appended to, in place of the job's log."""
    stderr: str


def post_job(
    connection: ServerConnection,
    plugin_name: str,
    config: Mapping[str, Any] | None,
    run: bool,
    options: JobOptions,
) -> JobInfo:
    """Create a job, exactly once however often the request has to be repeated."""
    body = {
        "name": plugin_name,
        "config": {} if config is None else dict(config),
        "run": run,
        **{_KEYS.get(key, key): value for key, value in options.items() if value is not None},
    }
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    return connection.job("POST", "/jobs", data=_encoded(body), headers=headers)


_KEYS = {"time_limit_s": "timeout"}


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the config of a job cannot be told as JSON: {error}") from None

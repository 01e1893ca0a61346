"""Asking for a new job."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, TypedDict

from hoplite.client.job_info import JobInfo
from hoplite.client.server_connection import ServerConnection


class JobOptions(TypedDict, total=False):
    """What a new job may have beside its plugin and config."""

    time_limit_s: float
    """Seconds of running after which the server ends it."""
    env: Mapping[str, str]
    """Variables that are added to its environment."""
    workdir: str
    """The absolute path, over there, of the directory to run in."""


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
        **{_KEYS[name]: value for name, value in options.items() if value is not None},
    }
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    return connection.job("POST", "/jobs", data=_encoded(body), headers=headers)


_KEYS = {"time_limit_s": "timeout", "env": "env", "workdir": "workdir"}


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the config of a job cannot be told as JSON: {error}") from None

"""A job as the server describes it."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class JobInfo(TypedDict):
    """The job object of the REST interface, see :ref:`job-object`.

    ``config``, ``status``, ``reason``, ``env`` and ``workdir`` are None for those who may not see
    them; times are ISO 8601.  Keys from ``queue`` on are those of a job that asked for resources.
    """

    uuid: str
    id: int
    name: str
    plugin_name: str
    config: dict[str, Any] | None
    status: dict[str, Any] | None
    running: bool
    finished: bool
    killed: bool
    state: str
    outcome: str | None
    exit_code: int | None
    signal: int | None
    reason: str | None
    owner: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    version: int
    timeout: float | None
    env: dict[str, str] | None
    workdir: str | None
    progress: NotRequired[dict[str, Any]]
    queue: NotRequired[str]
    types: NotRequired[list[str]]
    resource: NotRequired[list[str]]
    resources: NotRequired[list[int]]
    walltime: NotRequired[int | None]
    properties: NotRequired[str | None]
    job_name: NotRequired[str | None]
    project: NotRequired[str | None]
    after: NotRequired[list[int]]
    reservation: NotRequired[str | None]
    array_id: NotRequired[int | None]
    array_index: NotRequired[int | None]

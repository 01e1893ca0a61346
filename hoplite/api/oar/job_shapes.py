"""The keys of jobs in the OAR dialect."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hoplite.api.oar.job_events import JobEvent
from hoplite.api.oar.links import Link
from hoplite.api.oar.resource_views import ResourceDetails
from hoplite.api.oar.walltime_changes import WalltimeView


class JobItem(msgspec.Struct, frozen=True, kw_only=True):
    """One job in a list.  Times are in seconds since 1970."""

    id: int
    state: str
    owner: str
    name: str | None
    queue: str
    submission: int
    links: list[Link]
    uri: str
    api_timestamp: int


class JobDetails(msgspec.Struct, frozen=True, kw_only=True):
    """One job.  Times are in seconds since 1970; 0: not yet, or never."""

    id: int
    array_id: int
    array_index: int
    name: str | None
    owner: str
    project: str | None
    queue: str
    state: str
    reservation: str
    type: str
    types: list[str]
    command: str | None
    launching_directory: str | None
    properties: str
    wanted_resources: str
    initial_request: Annotated[str, Meta(description="Empty unless the job is the caller's own.")]
    message: str | None
    cpuset_name: str
    dependencies: Annotated[list[int], Meta(description="Jobs that it still comes after.")]
    events: list[JobEvent]
    exit_code: Annotated[int | None, Meta(description="The wait status: `exit 3` is 768.")]
    resubmit_job_id: Annotated[int, Meta(description="The job that it runs again; 0: none.")]
    submission_time: int
    start_time: int
    stop_time: int
    scheduled_start: int | None
    walltime: Annotated[int | None, Meta(description="Seconds.")]
    stdout_file: str | None
    stderr_file: str | None
    links: list[Link]
    uri: str
    api_timestamp: int
    walltime_change: WalltimeView | UnsetType = msgspec.field(default=UNSET, name="walltime-change")
    """Of a job that was started and is asked for by itself."""


class JobResource(ResourceDetails, frozen=True, kw_only=True):
    """A resource of a job.  ``cpuset`` is text here, as in OAR."""

    cpuset: str  # type: ignore[assignment]  # an int elsewhere
    status: Annotated[str, Meta(description="assigned, scheduled or reserved")]


class JobNode(msgspec.Struct, frozen=True):
    """A node of which a job has resources."""

    network_address: str
    status: Annotated[str, Meta(description="assigned, scheduled or reserved")]
    links: list[Link]
    api_timestamp: int


class FullJob(JobDetails, frozen=True, kw_only=True):
    """One job, with its resources and nodes."""

    resources: list[JobResource]
    nodes: list[JobNode]


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """One job by the names of OAR's table, those that OAR 2.5 leaves out among them."""

    id: int
    job_id: int
    Job_Id: int
    array_id: int
    assigned_moldable_job: int
    command: str | None
    exit_code: int | None
    initial_request: str
    job_name: str | None
    job_type: str
    job_user: str
    launching_directory: str | None
    message: str | None
    project: str | None
    properties: str
    queue_name: str
    reservation: str
    start_time: int
    state: str
    stderr_file: str | None
    stdout_file: str | None
    stop_time: int
    submission_time: int
    walltime: int | None
    accounted: str
    checkpoint: int
    checkpoint_signal: int
    file_id: None
    info_type: str | None
    job_env: None
    job_group: str
    notify: str | None
    resubmit_job_id: int
    scheduler_info: str | None
    suspended: str
    links: list[Link]
    uri: str
    api_timestamp: int

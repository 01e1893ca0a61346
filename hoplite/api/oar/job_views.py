"""What the OAR dialect shows of jobs.

Others than a job's owner and administrators see null in what its owner wrote (name, project,
command, directory, files, message), and no events, unless the setting ``visibility`` is ``full``.
"""

from __future__ import annotations

from typing import Any

from hoplite.api.oar.collection import item
from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.job_events import events_of
from hoplite.api.oar.job_facts import JobFacts
from hoplite.api.oar.job_texts import (
    command_of,
    directory_of,
    message_of,
    output_file,
    project_of,
    queue_of,
    reservation_of,
    walltime_of,
    wanted_of,
)
from hoplite.api.oar.resource_views import details, digits, job_links
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.oar_state import oar_exit_code, oar_state
from hoplite.model.resource import Resource

JOB_TYPE = "PASSIVE"
_NOT_YET = 0


def job_item(call: OarCall[Any, Any], job: Job, all_of_it: bool) -> dict[str, Any]:
    """A :class:`JobItem`."""
    values = {
        "id": job.id,
        "state": oar_state(job),
        "owner": job.owner,
        "name": _name(job) if all_of_it else None,
        "queue": queue_of(job),
        "submission": int(job.created_at),
    }
    return item(call, values, job_links(call, job.id), with_uris=True)


def job_row(call: OarCall[Any, Any], facts: JobFacts) -> dict[str, Any]:
    """A :class:`JobRow`."""
    job, batch = facts.job, facts.job.batch
    mine = facts.all_of_it
    message = message_of(facts) if mine else None
    values = {
        "id": job.id,
        "job_id": job.id,
        "Job_Id": job.id,
        "array_id": _array_id(job),
        "assigned_moldable_job": job.id if _was_assigned(job) else 0,
        "command": command_of(job) if mine else None,
        "exit_code": oar_exit_code(job),
        "initial_request": _initial_request(facts),
        "job_name": _name(job) if mine else None,
        "job_type": JOB_TYPE,
        "job_user": job.owner,
        "launching_directory": directory_of(job) if mine else None,
        "message": message,
        "project": project_of(job) if mine else None,
        "properties": batch.properties if batch is not None else "",
        "queue_name": queue_of(job),
        "reservation": reservation_of(job),
        "start_time": _start_time(job),
        "state": oar_state(job),
        "stderr_file": output_file(job, "stderr", expanded=False) if mine else None,
        "stdout_file": output_file(job, "stdout", expanded=False) if mine else None,
        "stop_time": _stop_time(job),
        "submission_time": int(job.created_at),
        "walltime": walltime_of(facts) if _was_assigned(job) else None,
        "accounted": "NO",
        "checkpoint": int(batch.checkpoint_s or 0) if batch is not None else 0,
        "checkpoint_signal": batch.signal if batch is not None else 0,
        "file_id": None,
        "info_type": None,
        "job_env": None,
        "job_group": "",
        "notify": batch.notify if batch is not None and mine else None,
        "resubmit_job_id": _resubmit_of(job),
        "scheduler_info": message,
        "suspended": "YES" if job.granted.suspended_at or job.granted.suspended_s else "NO",
    }
    return item(call, values, job_links(call, job.id), with_uris=True)


def job_details(call: OarCall[Any, Any], facts: JobFacts) -> dict[str, Any]:
    """A :class:`JobDetails`; with ``structure=oar`` by the names of ``oarstat``."""
    values = _details(facts)
    if call.structure == "oar":
        values = _as_oarstat(facts, values)
    return item(call, values, job_links(call, facts.job.id), with_uris=True)


def full_job(call: OarCall[Any, Any], facts: JobFacts) -> dict[str, Any]:
    """A :class:`FullJob`."""
    return {
        **job_details(call, facts),
        "resources": job_resources(call, facts.job, facts.resources),
        "nodes": job_nodes(call, facts.job, facts.resources),
    }


def job_resources(
    call: OarCall[Any, Any], job: Job, resources: tuple[Resource, ...]
) -> list[dict[str, Any]]:
    """A :class:`JobResource` of each."""
    status = _status(job)
    return [
        {**details(call, each), "cpuset": digits(call, str(each.cpuset)), "status": status}
        for each in resources
    ]


def job_nodes(
    call: OarCall[Any, Any], job: Job, resources: tuple[Resource, ...]
) -> list[dict[str, Any]]:
    """A :class:`JobNode` of each node."""
    status = _status(job)
    return [
        {
            "network_address": address,
            "status": status,
            "links": [call.link("self", f"/resources/nodes/{address}")],
            "api_timestamp": call.now,
        }
        for address in dict.fromkeys(each.network_address for each in resources)
    ]


def _details(facts: JobFacts) -> dict[str, Any]:
    job, batch = facts.job, facts.job.batch
    mine = facts.all_of_it
    return {
        "id": job.id,
        "array_id": _array_id(job),
        "array_index": batch.array_index if batch is not None else 1,
        "name": _name(job) if mine else None,
        "owner": job.owner,
        "project": project_of(job) if mine else None,
        "queue": queue_of(job),
        "state": oar_state(job),
        "reservation": reservation_of(job),
        "type": JOB_TYPE,
        "types": list(batch.types) if batch is not None else [],
        "command": command_of(job) if mine else None,
        "launching_directory": directory_of(job) if mine else None,
        "properties": batch.properties if batch is not None else "",
        "wanted_resources": wanted_of(facts),
        "initial_request": _initial_request(facts),
        "message": message_of(facts) if mine else None,
        "cpuset_name": f"{job.owner}_{job.id}",
        "dependencies": list(facts.waits_for),
        "events": events_of(job, facts.entries) if mine else [],
        "exit_code": oar_exit_code(job),
        "resubmit_job_id": _resubmit_of(job),
        "submission_time": int(job.created_at),
        "start_time": _start_time(job),
        "stop_time": _stop_time(job),
        "scheduled_start": _scheduled_start(facts),
        "walltime": walltime_of(facts),
        "stdout_file": output_file(job, "stdout", expanded=True) if mine else None,
        "stderr_file": output_file(job, "stderr", expanded=True) if mine else None,
    }


_OARSTAT = {
    "start_time": "startTime",
    "stop_time": "stopTime",
    "scheduled_start": "scheduledStart",
    "submission_time": "submissionTime",
    "type": "jobType",
    "launching_directory": "launchingDirectory",
}


def _as_oarstat(facts: JobFacts, values: dict[str, Any]) -> dict[str, Any]:
    held = facts.resources if _status(facts.job) == "assigned" else ()
    return {
        **{_OARSTAT.get(name, name): value for name, value in values.items()},
        "Job_Id": facts.job.id,
        "job_user": facts.job.owner,
        "assigned_resources": [each.id for each in held],
        "assigned_network_address": list(dict.fromkeys(each.network_address for each in held)),
    }


def _status(job: Job) -> str:
    if not job.assigned:
        return "scheduled"
    return "reserved" if job.state in (State.WAITING, State.HOLD) else "assigned"


def _name(job: Job) -> str | None:
    return job.batch.name if job.batch is not None else None


def _array_id(job: Job) -> int:
    return (job.batch.array_id if job.batch is not None else None) or job.id


def _resubmit_of(job: Job) -> int:
    return (job.batch.resubmit_of if job.batch is not None else None) or 0


def _initial_request(facts: JobFacts) -> str:
    batch = facts.job.batch
    return batch.initial_request if facts.own and batch is not None else ""


def _was_assigned(job: Job) -> bool:
    return job.running or job.started_at is not None


def _start_time(job: Job) -> int:
    """Of a reservation that waits, its date."""
    if job.started_at is not None:
        return int(job.started_at)
    asked = job.batch.starts_at if job.batch is not None else None
    return int(asked) if asked is not None and not job.ended else _NOT_YET


def _stop_time(job: Job) -> int:
    """None of a job that never started, as in OAR: who subtracts the start gets no nonsense."""
    if job.finished_at is None or job.started_at is None:
        return _NOT_YET
    return int(job.finished_at)


def _scheduled_start(facts: JobFacts) -> int | None:
    job = facts.job
    if job.ended:
        return None
    if job.started_at is not None:
        return int(job.started_at)
    return None if facts.plan is None else int(facts.plan.start)

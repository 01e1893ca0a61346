"""What is known of jobs, and what a caller may know of it: read once, before anything is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hoplite.api.oar.endpoint import OarCall
from hoplite.exceptions import JobDoesNotExistError
from hoplite.manager.batch_demand import dependencies
from hoplite.manager.batch_turn import Place
from hoplite.manager.job_manager import JobManager
from hoplite.model.caller import Visibility
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.resource import Resource
from hoplite.model.timeline import Entry
from hoplite.scheduling.decisions import Placement


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and what it does not know of itself."""

    job: Job
    all_of_it: bool
    """The caller may see more than its state."""
    own: bool
    """The caller is its owner or an administrator."""
    plan: Placement | None
    """Where and when it is to start; None: it does not wait, or cannot be planned."""
    resources: tuple[Resource, ...]
    """Those that it holds or held, or is to hold."""
    waits_for: tuple[int, ...]
    """The jobs that it comes after and that have not ended."""
    entries: Sequence[Entry]
    default_walltime_s: int
    resources_in_all: int


def may_know_of(call: OarCall[Any, Any], job: Job) -> bool:
    """Whether the caller, perhaps nobody, may know that the job exists (setting ``visibility``)."""
    visibility = call.service.settings.visibility
    if call.known is None:
        return visibility is not Visibility.NONE
    return call.known.sees(job, visibility)


def visible_job(call: OarCall[Any, Any]) -> Job:
    """The job of the path.  Raises :class:`~hoplite.exceptions.JobDoesNotExistError`, also for one
    that the caller may not know of."""
    found = find_visible_job(call)
    if found is None:
        raise JobDoesNotExistError(f"Job not found: there is no job {call.id}")
    return found


def find_visible_job(call: OarCall[Any, Any]) -> Job | None:
    try:
        job = call.service.manager.job(call.id)
    except JobDoesNotExistError:
        return None
    return job if may_know_of(call, job) else None


def sees_all_of(call: OarCall[Any, Any], job: Job) -> bool:
    """Whether the caller, perhaps nobody, may see more of the job than its state."""
    visibility = call.service.settings.visibility
    if call.known is None:
        return visibility is Visibility.FULL
    return call.known.sees_all_of(job, visibility)


def facts_of(
    call: OarCall[Any, Any], jobs: Sequence[Job], *, events: bool = True
) -> list[JobFacts]:
    """Of some jobs, each question asked once for all of them."""
    manager = call.service.manager
    entries = _entries(call, jobs) if events else {}
    places = places_of(manager, jobs)
    return [
        JobFacts(
            job=job,
            all_of_it=sees_all_of(call, job),
            own=_is_own(call, job),
            plan=place.placement if (place := places.get(job.id)) is not None else None,
            resources=resources_of(manager, job, place),
            waits_for=_waits_for(manager, job),
            entries=entries.get(job.id, ()),
            default_walltime_s=int(manager.limits.default_walltime_s),
            resources_in_all=len(manager.resources.table),
        )
        for job in jobs
    ]


def resources_of(manager: JobManager, job: Job, place: Place | None) -> tuple[Resource, ...]:
    """The resources that a job holds or held, or else is to hold; those that are still there."""
    ids = job.assigned
    if job.ended and job.started_at is None:
        ids = ()
    elif not ids and place is not None:
        ids = place.resources
    table = manager.resources.table
    return table.resources_of(table.bits(each for each in ids if each in table))


def places_of(manager: JobManager, jobs: Sequence[Job]) -> dict[int, Place]:
    """Where and when those of the jobs are to start that wait and have a plan."""
    waiting = [job.id for job in jobs if job.batch is not None and not job.ended]
    return manager.batch.places(waiting) if waiting else {}


def _entries(call: OarCall[Any, Any], jobs: Sequence[Job]) -> dict[int, list[Entry]]:
    """Of the jobs that the caller sees all of."""
    seen = [job.id for job in jobs if sees_all_of(call, job)]
    found: dict[int, list[Entry]] = {}
    for entry in call.service.manager.table.journal.entries_of(seen) if seen else []:
        found.setdefault(entry.job_id, []).append(entry)
    return found


def _waits_for(manager: JobManager, job: Job) -> tuple[int, ...]:
    if job.batch is None or job.state not in (State.WAITING, State.HOLD):
        return ()

    def find(job_id: int) -> Job | None:
        try:
            return manager.job(job_id)
        except JobDoesNotExistError:
            return None

    return tuple(sorted(dependencies(job, find)[0]))


def _is_own(call: OarCall[Any, Any], job: Job) -> bool:
    return call.known is not None and (call.known.is_admin or call.known.name == job.owner)

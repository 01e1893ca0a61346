"""``GET /jobs/<id>…``: one job, its resources and its nodes."""

from __future__ import annotations

from typing import Any

from hoplite.api.oar.collection import Collection, whole
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.job_facts import (
    facts_of,
    find_visible_job,
    places_of,
    resources_of,
    visible_job,
)
from hoplite.api.oar.job_pages import job_page
from hoplite.api.oar.job_shapes import FullJob, JobDetails, JobNode, JobResource
from hoplite.api.oar.job_views import full_job, job_details, job_nodes, job_resources
from hoplite.api.oar.walltime_changes import walltime_view
from hoplite.exceptions import JobDoesNotExistError
from hoplite.model.job import Job
from hoplite.model.resource import Resource

routes = OarRoutes("OAR jobs")


@routes.get(
    "/jobs/<id>",
    right=Right.USER,
    answers={200: JobDetails},
    raises=[JobDoesNotExistError],
    page=job_page,
)
def get_oar_job(call: OarCall[Options, None]) -> Answer:
    """Show a job.

    With `structure=oar` by the names of `oarstat`.
    """
    facts = facts_of(call, [visible_job(call)])[0]
    return Answer({**job_details(call, facts), **walltime_view(call, facts.job)})


@routes.get(
    "/jobs/<id>/details",
    right=Right.USER,
    answers={200: FullJob},
    raises=[JobDoesNotExistError],
    page=job_page,
)
def get_oar_job_in_detail(call: OarCall[Options, None]) -> Answer:
    """Show a job with its resources and nodes.

    With `structure=oar` by the names of `oarstat`.
    """
    facts = facts_of(call, [visible_job(call)])[0]
    return Answer({**full_job(call, facts), **walltime_view(call, facts.job)})


@routes.get("/jobs/<id>/resources", answers={200: Collection[JobResource]})
def list_resources_of_job(call: OarCall[Options, None]) -> Answer:
    """List the resources that a job holds or held, or is planned to hold; none for a job that does
    not exist."""
    job, resources = _resources(call)
    return whole(call, job_resources(call, job, resources) if job is not None else [])


@routes.get("/jobs/<id>/nodes", answers={200: Collection[JobNode]})
def list_nodes_of_job(call: OarCall[Options, None]) -> Answer:
    """List the nodes of those resources; none for a job that does not exist."""
    job, resources = _resources(call)
    return whole(call, job_nodes(call, job, resources) if job is not None else [])


def _resources(call: OarCall[Any, Any]) -> tuple[Job | None, tuple[Resource, ...]]:
    job = find_visible_job(call)
    if job is None:
        return None, ()
    manager = call.service.manager
    return job, resources_of(manager, job, places_of(manager, [job]).get(job.id))

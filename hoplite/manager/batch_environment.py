"""What a job of the batch system finds when it starts: variables and files, as OAR's have."""

from __future__ import annotations

from pathlib import Path

from hoplite.model.job import Job
from hoplite.model.resource import Resource
from hoplite.model.resource_request import walltime_text
from hoplite.model.resource_set import ResourceTable

NODE_FILE = "nodes"
PROPERTIES_FILE = "resource_properties"
SCRIPT_FILE = "script"


def variables(job: Job, directory: Path, home: str | None) -> dict[str, str]:
    """``directory`` is the job's own, where the files of :func:`files` are."""
    batch = job.batch
    if batch is None:
        return {}
    nodes = str(directory / NODE_FILE)
    workdir = workdir_of(job) or home or str(directory / "work")
    array_id, walltime_s = str(batch.array_id or job.id), int(job.walltime_s or 0)
    return {
        "OAR_JOB_ID": str(job.id),
        "OAR_JOBID": str(job.id),
        "OAR_ARRAY_ID": array_id,
        "OAR_ARRAYID": array_id,
        "OAR_ARRAY_INDEX": str(batch.array_index),
        "OAR_ARRAYINDEX": str(batch.array_index),
        "OAR_JOB_NAME": batch.name or "",
        "OAR_PROJECT_NAME": batch.project or "default",
        "OAR_USER": job.owner,
        "OAR_WORKDIR": workdir,
        "OAR_WORKING_DIRECTORY": workdir,
        "OAR_O_WORKDIR": workdir,
        "OAR_NODEFILE": nodes,
        "OAR_NODE_FILE": nodes,
        "OAR_FILE_NODES": nodes,
        "OAR_RESOURCE_FILE": nodes,
        "OAR_RESOURCE_PROPERTIES_FILE": str(directory / PROPERTIES_FILE),
        "OAR_JOB_WALLTIME": walltime_text(walltime_s),
        "OAR_JOB_WALLTIME_SECONDS": str(walltime_s),
        "OAR_STDOUT": output_of(job, batch.stdout) or str(directory / "stdout"),
        "OAR_STDERR": output_of(job, batch.stderr) or str(directory / "stderr"),
        **({} if batch.script is None else {"HOPLITE_SCRIPT": str(directory / SCRIPT_FILE)}),
    }


def files(job: Job, table: ResourceTable) -> dict[str, str]:
    """Texts by name: a line for each resource, in the order of their ids."""
    if job.batch is None:
        return {}
    held = [table.resource(id_) for id_ in job.assigned if id_ in table]
    return {
        NODE_FILE: "".join(f"{resource.network_address}\n" for resource in held),
        PROPERTIES_FILE: "".join(f"{_properties(resource)}\n" for resource in held),
    }


def programs(job: Job) -> dict[str, str]:
    """Texts by name of what the job can run."""
    if job.batch is None or job.batch.script is None:
        return {}
    return {SCRIPT_FILE: job.batch.script}


def workdir_of(job: Job) -> str | None:
    if job.workdir is not None or job.batch is None:
        return job.workdir
    return job.batch.launching_directory


def output_of(job: Job, pattern: str | None) -> str | None:
    """The file that ``pattern`` names for this job."""
    if pattern is None or job.batch is None:
        return None
    # A slash in a name is no directory.
    name = (job.batch.name or "").replace("/", "_")
    return pattern.replace("%jobid%", str(job.id)).replace("%jobname%", name)


def _properties(resource: Resource) -> str:
    values = sorted(resource.columns().items())
    return " , ".join(f"{name} = '{'' if value is None else value}'" for name, value in values)

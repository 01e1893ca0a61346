"""What OAR says of a job in words and in its own notation.  No I/O."""

from __future__ import annotations

import math

import msgspec

from hoplite.api.oar.job_facts import JobFacts
from hoplite.manager.batch_environment import output_of, workdir_of
from hoplite.model.accounting import DEFAULT_PROJECT
from hoplite.model.batch import Batch
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.resource_request import Group, ResourceRequest, walltime_text, wanted_resources

DEFAULT_QUEUE = "default"
_UNTOLD_QUEUES = ("default", "besteffort")
_SCHEDULED = " (Karma=0.000,quota_ok)"


def command_of(job: Job) -> str:
    """As it was written; of a job that runs a plugin and no command, the plugin."""
    command = job.batch.command if job.batch is not None else None
    return job.plugin if command is None else command


def project_of(job: Job) -> str:
    return (job.batch.project if job.batch is not None else "") or DEFAULT_PROJECT


def queue_of(job: Job) -> str:
    return job.batch.queue if job.batch is not None else DEFAULT_QUEUE


def directory_of(job: Job) -> str:
    """Where it runs; empty: in a directory that the server makes for it."""
    return workdir_of(job) or ""


def output_file(job: Job, name: str, *, expanded: bool) -> str:
    """Where ``stdout`` or ``stderr`` goes; empty: into the job's log."""
    pattern: str | None = getattr(job.batch, name) if job.batch is not None else None
    return (output_of(job, pattern) if expanded else pattern) or ""


def reservation_of(job: Job) -> str:
    """``Scheduled``: it has a date, which was looked at when it came; ``None``: it has none."""
    return "Scheduled" if job.batch is not None and job.batch.starts_at is not None else "None"


def wanted_of(facts: JobFacts) -> str:
    """OAR's ``wanted_resources``: what the scheduler was asked, with the walltime that holds."""
    if facts.job.batch is None:
        return ""
    return wanted_resources(
        msgspec.structs.replace(request, walltime_s=_walltime(request, facts.default_walltime_s))
        for request in facts.job.batch.requests
    )


def walltime_of(facts: JobFacts) -> int | None:
    """Seconds; None where no plan exists (yet)."""
    job = facts.job
    if job.batch is None:
        return None if job.timeout_s is None else round(job.timeout_s)
    if job.walltime_s is not None:
        return round(job.walltime_s)
    return None if facts.plan is None else round(facts.plan.end - facts.plan.start)


def message_of(facts: JobFacts) -> str:
    job, batch = facts.job, facts.job.batch
    if batch is None:
        return job.reason or ""
    is_noop = any(each.partition("=")[0] == "noop" for each in batch.types)
    if is_noop and job.ended and job.started_at is not None:
        return "NOOP job killed by Leon"
    if job.outcome is Outcome.CANCELLED:
        return "Job killed by Leon directly"
    if job.state is State.WAITING and facts.plan is None and facts.waits_for:
        other = facts.waits_for[0]
        return f"Cannot determine scheduling time due to dependency with the job {other}"
    scheduled = facts.plan is not None or job.started_at is not None
    return _asked(facts, batch) + (_SCHEDULED if scheduled and batch.starts_at is None else "")


def _asked(facts: JobFacts, batch: Batch) -> str:
    """``R=<resources>,W=<walltime>,J=<kind>``, and what is not the default."""
    walltime = walltime_of(facts)
    if walltime is None:
        walltime = _walltime(batch.requests[0], facts.default_walltime_s)
    said = {
        "R": len(facts.resources) or _about_so_many(batch.requests[0], facts.resources_in_all),
        "W": walltime_text(walltime),
        "J": "B" if batch.starts_at is None else "R",
        "N": batch.name,
        "Q": batch.queue if batch.queue not in _UNTOLD_QUEUES else None,
        "P": batch.project if batch.project != DEFAULT_PROJECT else None,
        "T": "|".join(batch.types),
    }
    return ",".join(f"{letter}={value}" for letter, value in said.items() if value)


def _walltime(request: ResourceRequest, default_s: int) -> int:
    return default_s if request.walltime_s is None else request.walltime_s


def _about_so_many(request: ResourceRequest, in_all: int) -> int:
    """Before a plan tells: at least so many, or all of them where a word stands for a number."""
    return sum(_product(group, in_all) for group in request.groups)


def _product(group: Group, in_all: int) -> int:
    counts = [level.count for level in group.levels]
    numbers = [each for each in counts if isinstance(each, int)]
    return math.prod(numbers) if len(numbers) == len(counts) else in_all

"""Why a job does not run (yet), in fields and in words, for both dialects."""

from __future__ import annotations

import time
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from hoplite.manager.job_manager import JobManager
from hoplite.model.caller import Caller, Visibility
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.resource import ResourceState
from hoplite.model.resource_request import walltime_text
from hoplite.model.timeline import Happening
from hoplite.scheduling.decisions import Delay, Reason, Wait


class WaitsFor(StrEnum):
    """What keeps a job from running."""

    RESOURCES = "resources"
    AHEAD = "ahead"
    RESERVATION = "reservation"
    DEPENDENCY = "dependency"
    CONTAINER = "container"
    QUEUE = "queue"
    LIMIT = "limit"
    DATE = "date"
    PREEMPTION = "preemption"
    IMPOSSIBLE = "impossible"
    STARTING = "starting"
    HOLD = "hold"
    SUSPENDED = "suspended"
    NOTHING = "nothing"
    """It runs, or has ended."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds since 1970, UTC."""

    waits_for: WaitsFor
    message: str
    since: float | None = None
    predicted_start: float | None = None
    jobs: tuple[int, ...] = ()
    """The jobs that are in its way, those that matter most first."""
    free_now: int | None = None
    """How many of the resources that it may use are free; None: it is not in the queue."""
    walltime_now_s: float | None = None
    """With at most this walltime it could start now."""
    delay: Delay | None = None
    sooner: tuple[str, ...] = ()
    """What would start it sooner, in words."""


def why(manager: JobManager, job: Job, caller: Caller, visibility: Visibility) -> Why:
    """Why ``job`` does not run, as far as ``caller`` may know."""
    if job.state in (State.WAITING, State.RESUMING):
        wait = manager.batch.why(job.id) if job.batch is not None else None
        if wait is None:
            return _between(manager, job)
        return _waits(manager, job, _seen(manager, wait, caller, visibility))
    return _outside_the_queue(manager, job, caller.sees_all_of(job, visibility))


def _seen(manager: JobManager, wait: Wait, caller: Caller, visibility: Visibility) -> Wait:
    """Without the jobs that the caller may not know of."""
    if visibility is not Visibility.NONE:
        return wait

    def known(job_id: int) -> bool:
        live = manager.table.find_live(job_id)
        return live is not None and caller.sees(live.job, visibility)

    jobs, delay = tuple(filter(known, wait.jobs)), wait.delay
    if delay is not None and delay.by is not None and not known(delay.by):
        delay = msgspec.structs.replace(delay, by=None)
    return msgspec.structs.replace(wait, jobs=jobs, delay=delay)


def _between(manager: JobManager, job: Job) -> Why:
    """In no plan: it waits for a place, or was let start this moment."""
    since = _since(manager, job)
    if job.batch is not None:
        return Why(waits_for=WaitsFor.STARTING, message="it is about to start", since=since)
    return Why(
        waits_for=WaitsFor.LIMIT,
        message="as many jobs run as may (setting max_running); it starts in its turn",
        since=since,
        sooner=("the end of any job that runs",),
    )


def _outside_the_queue(manager: JobManager, job: Job, all_of_it: bool) -> Why:
    told = f": {job.reason}" if all_of_it and job.reason else ""
    if job.ended:
        outcome = job.outcome.value if job.outcome is not None else "ended"
        message = f"it has ended ({outcome}){told}"
        return Why(waits_for=WaitsFor.NOTHING, message=message, since=job.finished_at)
    if job.state is State.HOLD:
        return _held(manager, job, all_of_it)
    if job.state is State.SUSPENDED:
        return Why(
            waits_for=WaitsFor.SUSPENDED,
            message=f"it is suspended{told}",
            since=job.granted.suspended_at,
            sooner=("somebody who resumes it",),
        )
    if job.started_at is None:
        return Why(waits_for=WaitsFor.STARTING, message="it is being started")
    return Why(waits_for=WaitsFor.NOTHING, message="it runs", since=job.started_at)


def _held(manager: JobManager, job: Job, all_of_it: bool) -> Why:
    if job.batch is None:
        message, sooner = "nobody has started it yet", "its start"
    else:
        message, sooner = (job.reason if all_of_it and job.reason else "on hold"), "its release"
    since = _since(manager, job)
    return Why(waits_for=WaitsFor.HOLD, message=message, since=since, sooner=(sooner,))


def _waits(manager: JobManager, job: Job, wait: Wait) -> Why:
    if wait.reason is Reason.RESERVATION and wait.jobs == (job.id,) and _is_due(job):
        # The plan is of the time before, and nothing that was kept for the job came back since.
        wait = msgspec.structs.replace(wait, reason=Reason.RESOURCES, jobs=())
    if wait.reason is Reason.CONTAINER and _have_ended(manager, wait.jobs):
        return _inside_what_has_ended(manager, job, wait)
    away = _away(manager) if wait.reason in (Reason.RESOURCES, Reason.IMPOSSIBLE) else ""
    if wait.reason is Reason.IMPOSSIBLE:
        wait = msgspec.structs.replace(wait, predicted=None)
    return Why(
        waits_for=WaitsFor(wait.reason.value),
        message=_in_words(job, wait) + away + _put_off(wait.delay),
        since=_since(manager, job),
        predicted_start=wait.predicted,
        jobs=wait.jobs,
        free_now=wait.free_now,
        walltime_now_s=wait.walltime_now,
        delay=wait.delay,
        sooner=tuple(_sooner(job, wait)),
    )


def _is_due(job: Job) -> bool:
    starts_at = job.batch.starts_at if job.batch is not None else None
    return starts_at is not None and starts_at <= time.time()


def _have_ended(manager: JobManager, jobs: Iterable[int]) -> bool:
    return any(manager.table.find_live(job_id) is None for job_id in jobs)


def _inside_what_has_ended(manager: JobManager, job: Job, wait: Wait) -> Why:
    return Why(
        waits_for=WaitsFor.CONTAINER,
        message=f"it runs inside {_jobs(wait.jobs)}, which has ended, so it cannot start: delete it, "
        "or submit it again to run inside another",
        since=_since(manager, job),
        jobs=wait.jobs,
        free_now=wait.free_now,
    )


def _away(manager: JobManager) -> str:
    """Which resources cannot be had now, of all that there are."""
    table = manager.resources.table
    counts = {
        state.value: table.in_state(state).bit_count()
        for state in ResourceState
        if state is not ResourceState.ALIVE
    }
    told = [
        f"{count} {'is' if count == 1 else 'are'} {state}"
        for state, count in counts.items()
        if count
    ]
    return f"; of all {len(table)} resources {' and '.join(told)}" if told else ""


def _in_words(job: Job, wait: Wait) -> str:
    if wait.reason is Reason.RESERVATION and wait.jobs == (job.id,):
        asked = job.batch.starts_at if job.batch is not None else None
        return "its date has not come" + (f": {_moment(asked)}" if asked is not None else "")
    if wait.reason is Reason.RESOURCES:
        held = f"; the others are held by {_jobs(wait.jobs)}" if wait.jobs else ""
        return f"{_count(wait.free_now)} free of those that it may use, not enough{held}"
    if wait.elsewhere:
        return (
            f"it needs resources of {', '.join(wait.elsewhere)}, and jobs run on this machine alone "
            "(setting local_nodes)"
        )
    if wait.reason is Reason.IMPOSSIBLE and job.batch is not None and job.batch.success_only:
        return _TOO_MUCH + ", or what it comes after did not succeed"
    return _WORDS[wait.reason].format(jobs=_jobs(wait.jobs) or "other jobs")


_TOO_MUCH = "there are not as many resources as it asks for (those that are Dead do not count)"
_WORDS = {
    Reason.AHEAD: "enough is free now, but not for long enough: it is behind {jobs}",
    Reason.RESERVATION: "enough is free now, but not for long enough: it is reserved for {jobs}",
    Reason.DEPENDENCY: "it comes after {jobs}",
    Reason.CONTAINER: "it runs inside {jobs}, which does not run",
    Reason.PREEMPTION: "{jobs}, besteffort, must end for it first",
    Reason.QUEUE: "its queue is stopped",
    Reason.LIMIT: "as many jobs run as may (setting max_running)",
    Reason.DATE: "it asked not to start before a date (type postpone)",
    Reason.IMPOSSIBLE: _TOO_MUCH,
    Reason.STARTING: "nothing: it is about to start",
}


def _sooner(job: Job, wait: Wait) -> Iterable[str]:
    if wait.reason is Reason.RESOURCES and wait.jobs:
        yield f"an earlier end of {_jobs(wait.jobs)}"
    if wait.reason is Reason.RESOURCES and wait.free_now:
        yield f"a request for at most {_resources(wait.free_now)}, if they suit it"
    if wait.walltime_now is not None and wait.walltime_now >= 1:
        yield f"a walltime of at most {walltime_text(int(wait.walltime_now))}: it would start now"
    if wait.reason in (Reason.AHEAD, Reason.DEPENDENCY) and wait.jobs:
        yield f"the end, or the deletion, of {_jobs(wait.jobs)}"
    if wait.reason is Reason.CONTAINER:
        yield f"the start of {_jobs(wait.jobs)}"
    if wait.reason is Reason.LIMIT:
        yield "the end of any job that runs"
    if wait.elsewhere:
        yield "a request for resources of the machine that jobs run on"


def _put_off(delay: Delay | None) -> str:
    if delay is None:
        return ""
    by = f" (job {delay.by})" if delay.by is not None else ""
    return f"; it was to start at {_moment(delay.promised)}, but {delay.cause.value}{by}"


def _since(manager: JobManager, job: Job) -> float | None:
    """When it came into its state."""
    if job.state is State.WAITING:
        return job.queued_at
    kind = Happening.RESUMING if job.state is State.RESUMING else Happening.HELD
    entries = manager.table.journal.entries_of([job.id])
    return next((each.at for each in reversed(entries) if each.what is kind), job.created_at)


def _count(number: int) -> str:
    return f"{_resources(number)} {'is' if number == 1 else 'are'}"


def _resources(number: int) -> str:
    return f"{number} resource{'' if number == 1 else 's'}"


_FEW = 10


def _jobs(ids: tuple[int, ...]) -> str:
    """``job 3``, ``jobs 3, 4 and 5``, ``jobs 3, … and 20 more``."""
    named = [str(each) for each in ids[:_FEW]]
    if len(ids) > _FEW:
        named.append(f"{len(ids) - _FEW} more")
    if len(named) < 2:
        return f"job {named[0]}" if named else ""
    return f"jobs {', '.join(named[:-1])} and {named[-1]}"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))

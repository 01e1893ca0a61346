"""``POST /jobs/<id>/deletions/new`` and the like: what is asked of one job, or of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hoplite.api.oar.endpoint import Answer, OarCall, OarHandler, OarRoutes, Options, Right
from hoplite.api.oar.job_acting import Acted, array_of, on_array, on_job
from hoplite.api.oar.job_acts import CHECKPOINT, DELETE, HOLD, RESUME, RHOLD, signalling
from hoplite.api.oar.job_facts import visible_job
from hoplite.api.oar.links import Link
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import (
    InvalidRequestError,
    JobDoesNotExistError,
    NotAuthorizedError,
    StorageFullError,
    WrongJobStateError,
)
from hoplite.model.job import Job

routes = OarRoutes("OAR jobs")

REFUSALS = (NotAuthorizedError, JobDoesNotExistError, InvalidRequestError, StorageFullError)


class Resubmitted(msgspec.Struct, frozen=True):
    """The new job; of an array, the first one."""

    id: int
    status: str
    cmd_output: str
    api_timestamp: int
    links: list[Link]


Declared = Callable[[OarHandler], OarHandler]


def _post(*paths: str, answers: dict[int, Any], **parameters: str) -> Declared:
    return routes.post(
        paths[0],
        aliases=paths[1:],
        right=Right.USER,
        answers=answers,
        raises=REFUSALS,
        parameters=parameters,
    )


def _of_job(noun: str, answer: Any = Acted, status: int = 202) -> Declared:
    paths = (f"/jobs/<id>/{noun}/new", f"/jobs/{noun}/<id>/new")
    return _post(*paths, answers={status: answer}, id="The job's id.")


def _of_array(noun: str, answer: Any = Acted, status: int = 202) -> Declared:
    path = f"/jobs/array/<id>/{noun}/new"
    return _post(path, answers={status: answer}, id="The array's id: that of its first job.")


@_of_job("deletions")
def delete_job(call: OarCall[Options, None]) -> Answer:
    """Delete a job: cancel it if it has not started, else SIGTERM now and SIGKILL after the grace
    time.

    A job that has ended by itself stays as it is.
    """
    return on_job(call, DELETE)


@_of_array("deletions")
def delete_array(call: OarCall[Options, None]) -> Answer:
    """Delete the jobs of an array."""
    return on_array(call, DELETE)


@_of_job("checkpoints")
def checkpoint_job(call: OarCall[Options, None]) -> Answer:
    """Send a running job its checkpoint signal."""
    return on_job(call, CHECKPOINT)


@_of_array("checkpoints")
def checkpoint_array(call: OarCall[Options, None]) -> Answer:
    """Send the running jobs of an array their checkpoint signals."""
    return on_array(call, CHECKPOINT)


@_of_job("holds")
def hold_job(call: OarCall[Options, None]) -> Answer:
    """Keep a waiting job from starting until it is resumed."""
    return on_job(call, HOLD)


@_of_array("holds")
def hold_array(call: OarCall[Options, None]) -> Answer:
    """Keep the waiting jobs of an array from starting."""
    return on_array(call, HOLD)


@_of_job("rholds")
def suspend_job(call: OarCall[Options, None]) -> Answer:
    """Suspend a running job: all of its processes stop, and others can have its resources.

    For administrators, unless the setting `users_may_suspend` says otherwise.
    """
    return on_job(call, RHOLD)


@_of_array("rholds")
def suspend_array(call: OarCall[Options, None]) -> Answer:
    """Suspend the running jobs of an array."""
    return on_array(call, RHOLD)


@_of_job("resumptions")
def resume_job(call: OarCall[Options, None]) -> Answer:
    """Put a job on hold back into the queue, or have a suspended one go on once its resources are
    free."""
    return on_job(call, RESUME)


@_of_array("resumptions")
def resume_array(call: OarCall[Options, None]) -> Answer:
    """Resume the jobs of an array that are on hold or suspended."""
    return on_array(call, RESUME)


@_post(
    "/jobs/<id>/signals/<number:signal>",
    "/jobs/signals/<id>/<number:signal>",
    answers={202: Acted},
    id="The job's id.",
    signal="The number of the signal.",
)
def signal_job(call: OarCall[Options, None]) -> Answer:
    """Send all processes of a running job a signal."""
    return on_job(call, signalling(int(call.path["signal"])), linked=False)


@_post(
    "/jobs/array/<id>/signals/<number:signal>",
    answers={202: Acted},
    id="The array's id: that of its first job.",
    signal="The number of the signal.",
)
def signal_array(call: OarCall[Options, None]) -> Answer:
    """Send the running jobs of an array a signal."""
    return on_array(call, signalling(int(call.path["signal"])), linked=False)


@_of_job("resubmissions", Resubmitted, 201)
def resubmit_job(call: OarCall[Options, None]) -> Answer:
    """Submit again what a job that has ended asked for."""
    job = visible_job(call)
    return _resubmitted(call, [job.id], [_again(call, job)])


@_of_array("resubmissions", Resubmitted, 201)
def resubmit_array(call: OarCall[Options, None]) -> Answer:
    """Submit again the jobs of an array that have ended, but those that ran again already."""
    jobs = array_of(call)
    replaced = {job.batch.resubmit_of for job in jobs if job.batch is not None}
    ended = [job for job in jobs if job.ended and job.id not in replaced]
    if not ended:
        raise Titled(
            "Oar error",
            InvalidRequestError(
                f"no job of the array {call.id} can be resubmitted: those that have ended were "
                "resubmitted already, and the others still live"
            ),
        )
    manager = call.service.manager
    effects = manager.arrays.apply(call.caller, ended, manager.batch.resubmit)
    made = [(each.job_id, each.job) for each in effects if each.job is not None]
    return _resubmitted(call, [old for old, _ in made], [new for _, new in made])


def _again(call: OarCall[Any, Any], job: Job) -> Job:
    try:
        return call.service.manager.batch.resubmit(call.caller, str(job.id))
    except WrongJobStateError as error:
        raise Titled("Oar error", InvalidRequestError(str(error))) from None


def _resubmitted(call: OarCall[Any, Any], old: list[int], new: list[Job]) -> Answer:
    said = "".join(
        f"Resubmitting job {before}...DONE\nOAR_JOB_ID={job.id}\n"
        for before, job in zip(old, new, strict=True)
    )
    links = [call.link("self", f"/jobs/{new[0].id}"), call.link("parent", f"/jobs/{call.id}")]
    return Answer(Resubmitted(new[0].id, "submitted", said, call.now, links), 201)

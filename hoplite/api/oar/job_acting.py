"""Doing to a job, or to the jobs of an array, what the request asks, and telling what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hoplite.api.oar.endpoint import Answer, OarCall
from hoplite.api.oar.job_acts import DELETE, Act, is_deleted
from hoplite.api.oar.job_facts import may_know_of, visible_job
from hoplite.api.oar.links import Link
from hoplite.api.oar.resource_views import digits
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import (
    HopliteError,
    InvalidRequestError,
    JobDoesNotExistError,
    ResourceDoesNotExistError,
)
from hoplite.manager.array_commands import WRONG_STATE, Effect
from hoplite.model.job import Job

_MOST_TOLD = 20
"""Of the jobs of an array that could not be acted on, so many are told of."""


class Acted(msgspec.Struct, frozen=True):
    """What was asked for was done.  ``id`` is the job's, or the array's, as text (a number in
    YAML)."""

    id: str | int
    status: str
    cmd_output: str
    api_timestamp: int
    links: list[Link] | UnsetType = UNSET


def on_job(call: OarCall[Any, Any], act: Act, *, linked: bool = True) -> Answer:
    """Do it to the job of the path."""
    return Answer(acted(call, act, *_done_to_job(call, act), linked=linked), 202)


def output_of_job(call: OarCall[Any, Any], act: Act, title: str) -> str:
    """Do it to the job of the path, under ``title`` where it is refused; what OAR's command says."""
    return _output(act, *_done_to_job(call, act, title))


def on_array(call: OarCall[Any, Any], act: Act, *, linked: bool = True) -> Answer:
    """Do it to all jobs of the array of the path that live; refused if it can be done to none."""
    manager, caller = call.service.manager, call.caller
    jobs = array_of(call)
    living = [job for job in jobs if not job.ended]
    if not living and act is not DELETE:
        raise _refused(f"all jobs of the array {call.id} have ended; none can be {act.done}")
    effects = manager.arrays.apply(caller, living or jobs, act.of(manager))
    done = [effect.job for effect in effects if effect.job is not None]
    refused = [_said(call, act, effect) for effect in effects if effect.refused is not None]
    if not done:
        raise _refused("\n".join(_cut(refused)))
    nodes = [_node(call, job) for job in done]
    return Answer(acted(call, act, done, nodes, _cut(refused), linked=linked), 202)


def array_of(call: OarCall[Any, Any]) -> list[Job]:
    """The jobs of the array of the path, all of them the caller's."""
    arrays = call.service.manager.arrays
    jobs = [job for job in arrays.jobs(call.id) if may_know_of(call, job)]
    if not jobs:
        raise JobDoesNotExistError(f"there is no array {call.id}")
    arrays.check_rights(call.caller, jobs)
    return jobs


def acted(
    call: OarCall[Any, Any],
    act: Act,
    done: Sequence[Job],
    nodes: Sequence[str],
    refused: Sequence[str] = (),
    *,
    linked: bool,
) -> Acted:
    output = _output(act, done, nodes) + "".join(f"{line}\n" for line in refused)
    links = [call.link("self", f"/jobs/{call.id}")] if linked else UNSET
    return Acted(digits(call, str(call.id)), act.status, output, call.now, links)


def refusal(act: Act, job: Job, error: HopliteError, title: str = "Oar error") -> Titled:
    """400 that says why ``act`` cannot be done to ``job``, and what can."""
    advice = act.advice(job)
    return _refused(f"{error}; {advice}" if advice else str(error), title)


def _done_to_job(
    call: OarCall[Any, Any], act: Act, title: str = "Oar error"
) -> tuple[list[Job], list[str]]:
    before = visible_job(call)
    manager = call.service.manager
    try:
        job = act.of(manager)(call.caller, str(before.id))
    except WRONG_STATE as error:
        raise refusal(act, manager.job(before.id), error, title) from None
    return [job], [_node(call, job)]


def _output(act: Act, done: Sequence[Job], nodes: Sequence[str]) -> str:
    output = "".join(act.said(job, node) for job, node in zip(done, nodes, strict=True))
    deleted = [str(job.id) for job in done if act is DELETE and is_deleted(job)]
    if deleted:
        output += f"The job(s) [ {' '.join(deleted)} ] will be deleted in the near future.\n"
    return output


def _said(call: OarCall[Any, Any], act: Act, effect: Effect) -> str:
    job = call.service.manager.job(effect.job_id)
    advice = act.advice(job)
    return f"[{effect.job_id}] {effect.refused}" + (f"; {advice}" if advice else "")


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_TOLD
    return lines if more <= 0 else [*lines[:_MOST_TOLD], f"... and so for {more} more"]


def _refused(why: str, title: str = "Oar error") -> Titled:
    return Titled(title, InvalidRequestError(why))


def _node(call: OarCall[Any, Any], job: Job) -> str:
    """Where the job runs, as the end of a sentence; empty if it has no place any more."""
    try:
        first = call.service.manager.resources.resource(job.assigned[0])
    except (IndexError, ResourceDoesNotExistError):
        return ""
    return f" on {first.network_address}"

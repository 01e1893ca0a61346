"""What browsers are shown of jobs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.job_facts import visible_job
from hoplite.api.oar.pages import Page, may_look_at
from hoplite.api.why import why
from hoplite.manager.job_search import IN_QUEUE
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.oar_state import OAR_STATES

_GENERIC = Page("oar/value.html")
_LAST_LINES = 200


class Button(NamedTuple):
    """Something that the caller can do; ``words`` are on it."""

    words: str
    action: str
    question: str = ""
    """What to ask before it is done; empty: nothing."""


class Chosen(NamedTuple):
    """A choice in a form."""

    value: str
    words: str
    is_chosen: bool


def jobs_page(call: OarCall[Any, Any], value: Any) -> Page:
    """A list of jobs, with a form to choose which."""
    if call.structure == "oar":
        return _GENERIC
    in_detail = call.request.path.endswith("/details.html")
    shown = {
        "heading": "Jobs in detail" if in_detail else "Jobs",
        "jobs": value["items"],
        "in_detail": in_detail,
        "action": call.base.again(call.request),
        "query": msgspec.structs.asdict(call.query),
        "states": list(_states(call.query.state)),
        "others": _other_lists(call),
    }
    return Page("oar/jobs.html", shown)


def _states(asked: str | None) -> Iterator[Chosen]:
    in_queue = ",".join(name for name in OAR_STATES if name in IN_QUEUE)
    known = {in_queue: "Not ended", "": "All", **{name: name for name in OAR_STATES}}
    asked = in_queue if asked is None else asked
    if asked not in known:
        known[asked] = asked.replace(",", ", ")
    for value, words in known.items():
        yield Chosen(value, words, value == asked)


def _other_lists(call: OarCall[Any, Any]) -> list[tuple[str, str]]:
    lists = {"In short": "/jobs", "In detail": "/jobs/details", "All columns": "/jobs/table"}
    return [(words, call.href(path)) for words, path in lists.items() if may_look_at(path)]


def job_page(call: OarCall[Any, Any], value: Any) -> Page:
    """One job, with what can be done to it and what it waits for."""
    if call.structure == "oar":
        return _GENERIC
    job = visible_job(call)
    settings = call.service.settings
    shown = {
        "heading": f"Job {job.id}" + (f": {value['name']}" if value["name"] else ""),
        "title": f"Job {job.id}",
        "job": value,
        "outcome": job.outcome.value if job.outcome is not None else None,
        "why": None
        if job.ended
        else why(call.service.manager, job, call.caller, settings.visibility),
        "href": call.href,
        "buttons": list(_buttons(call, job)) if call.caller.owns(job) else [],
        "signal": _signal_action(call, job),
        "walltime": _walltime_action(call, job),
        "outputs": list(_outputs(call, job, value)),
    }
    return Page("oar/job.html", shown)


def why_page(call: OarCall[Any, Any], value: Any) -> Page:
    """What a job waits for."""
    shown = {"heading": f"Why job {value['id']} is {value['state']}", "href": call.href}
    return Page("oar/why.html", shown)


_OFFERED: Mapping[State, tuple[tuple[str, str], ...]] = {
    State.WAITING: (("Hold", "holds"),),
    State.HOLD: (("Resume", "resumptions"),),
    State.RUNNING: (("Suspend", "rholds"), ("Checkpoint", "checkpoints")),
    State.SUSPENDED: (("Resume", "resumptions"),),
}
"""What can be asked of a job in a state: the button, and the noun in the address."""


def _buttons(call: OarCall[Any, Any], job: Job) -> Iterator[Button]:
    if job.batch is not None:
        for words, noun in _OFFERED.get(job.state, ()):
            if noun == "holds" or _may(call, job, noun):
                yield Button(words, _action(call, job, f"{noun}/new"))
    if job.ended and job.batch is not None:
        yield Button("Submit again", _action(call, job, "resubmissions/new"))
    if not job.ended and job.kill_by is None:
        question = f"Job {job.id} ends for good, with all of its processes."
        yield Button("Delete", _action(call, job, "deletions/new"), question)


def _may(call: OarCall[Any, Any], job: Job, noun: str) -> bool:
    """Suspending, and having a suspended job go on, is not everybody's."""
    if noun != "rholds" and job.state is not State.SUSPENDED:
        return True
    return call.caller.is_admin or call.service.manager.limits.users_may_suspend


def _action(call: OarCall[Any, Any], job: Job, what: str = "") -> str:
    path = f"/jobs/{job.id}/{what}" if what else f"/jobs/{job.id}"
    return call.href(path) + "?then=page"


def _signal_action(call: OarCall[Any, Any], job: Job) -> str | None:
    runs = job.batch is not None and job.state is State.RUNNING
    return _action(call, job) if runs and call.caller.owns(job) else None


def _walltime_action(call: OarCall[Any, Any], job: Job) -> str | None:
    manager = call.service.manager
    return _signal_action(call, job) if manager.limits.walltime_change else None


def _outputs(
    call: OarCall[Any, Any], job: Job, value: Mapping[str, Any]
) -> Iterator[dict[str, str]]:
    """The files that it writes, where the caller may look at files at all."""
    for name in ("stdout", "stderr"):
        file = value[f"{name}_file"]
        path = posixpath.join(value["launching_directory"] or "", file) if file else ""
        if posixpath.isabs(path) and call.caller.owns(job) and job.started_at is not None:
            href = call.base.href(b"/media" + path.encode("utf-8", "surrogateescape"))
            yield {
                "name": name,
                "path": path,
                "show": f"{href}?show={_LAST_LINES}",
                "download": href,
            }
    if job.batch is None or not value["stdout_file"]:
        log = f"{call.base.root}/jobs/{job.id}/log"
        if call.caller.owns(job):
            yield {"name": "log", "path": "kept by the server", "show": log, "download": ""}

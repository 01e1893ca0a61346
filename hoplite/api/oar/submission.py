"""``POST /jobs``: new jobs, as ``oarsub`` makes them, and the form for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta

from hoplite.api.body import checked_object
from hoplite.api.idempotency import ANSWER_HEADERS, HEADERS, idempotency_key
from hoplite.api.oar.collection import item
from hoplite.api.oar.dry_run import DryRun, foretold
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.formats import Format
from hoplite.api.oar.input import is_form
from hoplite.api.oar.links import Link
from hoplite.api.oar.pages import Page, page
from hoplite.api.oar.titled import Titled
from hoplite.api.submitting import around
from hoplite.exceptions import (
    IdempotencyConflictError,
    InvalidFieldError,
    InvalidRequestError,
    JobDoesNotExistError,
    JobPluginDoesNotExistError,
    NotAcceptableError,
    NotAuthorizedError,
    StorageFullError,
    TooLargeError,
    UnavailableError,
    WrongJobStateError,
)
from hoplite.model.job import Job
from hoplite.submission.commands import NOTHING_TO_RUN
from hoplite.submission.jobs import Submission, read_submission
from hoplite.submission.options import NO_INTERACTIVE, described

routes = OarRoutes("OAR jobs")

_USUAL = "/nodes=1/core=1,walltime=00:30:00"
_TITLES = {NO_INTERACTIVE: NO_INTERACTIVE, NOTHING_TO_RUN: "Missing Required Field"}


class SubmitQuery(Options, frozen=True):
    """Options of a submission."""

    dry_run: Annotated[bool, Meta(description="`1`: say what would happen, and make nothing.")] = (
        False
    )


class Submitted(msgspec.Struct, frozen=True):
    """The job, or the first one of an array."""

    id: int
    links: list[Link]
    uri: str
    cmd_output: Annotated[
        str, Meta(description="What `oarsub` would print; `OAR_JOB_ID=<id>` for each job.")
    ]
    api_timestamp: int


def _form(call: OarCall[Any, Any], values: Mapping[str, Any], **more: Any) -> Page:
    shown = {
        "heading": "Job submission",
        "action": call.base.href("/jobs", extension=".html"),
        "queues": list(call.service.manager.limits.queues),
        "filled": values,
        **more,
    }
    return Page("oar/job_form.html", shown)


def _filled(call: OarCall[Any, Any], **more: Any) -> Page:
    """The form as it was sent."""
    sent = call.request.form.to_dict() if is_form(call.request) else {"resource": _USUAL}
    return _form(call, sent, **more)


def _answered(call: OarCall[Any, Any], value: Any) -> Page:
    """Of a dry run the form again, with what would happen; else the new job."""
    if "dry_run" in value:
        return _filled(call, foretold=value, href=call.href)
    return Page("oar/submitted.html", {"heading": f"Job {value['id']} is submitted"})


@routes.post(
    "/jobs",
    right=Right.USER,
    query=SubmitQuery,
    body=Hash,
    body_rule={"properties": {name: {"description": words} for name, words in described().items()}},
    about="Job",
    answers={201: Submitted, 200: DryRun},
    headers=HEADERS,
    answer_headers=ANSWER_HEADERS,
    page=_answered,
    form=_filled,
    raises=[
        InvalidRequestError,
        NotAuthorizedError,
        TooLargeError,
        IdempotencyConflictError,
        StorageFullError,
        UnavailableError,
    ],
)
def submit_job(call: OarCall[SubmitQuery, Hash]) -> Answer:
    """Submit a job, or an array of jobs.

    The keys are the long options of `oarsub`; one of `command`, `script`, `script_path`, `plugin` and
    `reservation` is needed.  With `dry_run` nothing is made, and the answer says what would be.  With
    an `Idempotency-Key`, a repeat answers the first job again, with `Idempotency-Replayed: true`.
    """
    try:
        submission = read_submission(call.body, around(call.service, call.caller))
        if submission.dry_run or call.query.dry_run:
            return foretold(call, submission)
        jobs, replayed = _made(call, submission)
    except InvalidRequestError as error:
        raise Titled(_TITLES.get(str(error), "Bad query"), error) from None
    except JobPluginDoesNotExistError as error:
        raise Titled("Bad query", InvalidFieldError(str(error), field="plugin")) from None
    rules = [] if submission.resubmit is not None else call.service.manager.said_of(jobs[0])
    return _answer(call, jobs, submission, rules, replayed)


def _made(call: OarCall[Any, Any], submission: Submission) -> tuple[list[Job], bool]:
    key = idempotency_key(call.request)
    if submission.resubmit is not None:
        job, replayed = _resubmitted(call, submission.resubmit, key)
        return [job], replayed
    for new in submission.jobs[:1]:
        checked_object(new.config, "config")
    return call.service.manager.create_array(call.caller, submission.jobs, key)


def _resubmitted(call: OarCall[Any, Any], job_id: int, key: str | None) -> tuple[Job, bool]:
    try:
        return call.service.manager.resubmit(call.caller, str(job_id), key)
    except JobDoesNotExistError:
        raise InvalidFieldError(f"resubmit: there is no job {job_id}", field="resubmit") from None
    except WrongJobStateError as error:
        raise InvalidFieldError(f"resubmit: {error}", field="resubmit") from None


def _answer(
    call: OarCall[Any, Any],
    jobs: list[Job],
    submission: Submission,
    rules: list[str],
    replayed: bool,
) -> Answer:
    lines = [*submission.warnings, *rules, *submission.remarks]
    lines += [f"OAR_JOB_ID={job.id}" for job in jobs]
    if len(jobs) > 1:
        lines.append(f"OAR_ARRAY_ID={jobs[0].id}")
    link = call.link("self", f"/jobs/{jobs[0].id}")
    values = {"id": jobs[0].id, "cmd_output": "".join(f"{line}\n" for line in lines)}
    headers = {"Location": link.href}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    answer = item(call, values, [link], with_uris=True)
    return Answer(answer, 201, headers)


@routes.get("/jobs/form", aliases=["/form"], answers={200: "text/html"})
def job_form(call: OarCall[Options, None]) -> Response:
    """Show the form for a new job."""
    if call.wanted.format is not Format.HTML and call.request.path.endswith((".json", ".yaml")):
        raise NotAcceptableError("the form is a page: ask for it as text/html")
    shown = _form(call, {"resource": _USUAL})
    return page(shown.template, **shown.values)

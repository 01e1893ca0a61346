"""``POST /jobs``: new jobs, as ``oarsub`` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.api.oar.collection import item
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.links import Link
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import (
    InvalidFieldError,
    InvalidRequestError,
    JobDoesNotExistError,
    JobPluginDoesNotExistError,
    NotAuthorizedError,
    StorageFullError,
    UnavailableError,
    WrongJobStateError,
)
from hoplite.execution.local.accounts import account
from hoplite.model.job import Job
from hoplite.submission.jobs import NOTHING_TO_RUN, Around, Submission, read_submission
from hoplite.submission.options import NO_INTERACTIVE

routes = OarRoutes("OAR jobs")

_TITLES = {NO_INTERACTIVE: NO_INTERACTIVE, NOTHING_TO_RUN: "Missing Required Field"}


class Submitted(msgspec.Struct, frozen=True):
    """The job, or the first one of an array."""

    id: int
    links: list[Link]
    uri: str
    cmd_output: Annotated[
        str, Meta(description="What `oarsub` would print; `OAR_JOB_ID=<id>` for each job.")
    ]
    api_timestamp: int


@routes.post(
    "/jobs",
    right=Right.USER,
    body=Hash,
    about="Job",
    answers={201: Submitted},
    answer_headers={"Location": "The address of the job."},
    raises=[InvalidRequestError, NotAuthorizedError, StorageFullError, UnavailableError],
)
def submit_job(call: OarCall[Options, Hash]) -> Answer:
    """Submit a job, or an array of jobs.

    The keys are the long options of `oarsub`; one of `command`, `script`, `script_path`, `plugin` and
    `reservation` is needed.
    """
    submission = _read(call, call.body)
    try:
        jobs = _made(call, submission)
    except InvalidRequestError as error:
        raise _refused(error) from None
    except JobPluginDoesNotExistError as error:
        raise _refused(InvalidFieldError(str(error), field="plugin")) from None
    return _answer(call, jobs, submission)


def _read(call: OarCall[Any, Any], given: Mapping[str, Any]) -> Submission:
    try:
        return read_submission(given, _around(call))
    except InvalidRequestError as error:
        raise _refused(error) from None


def _refused(error: InvalidRequestError) -> Titled:
    return Titled(_TITLES.get(str(error), "Bad query"), error)


def _around(call: OarCall[Any, Any]) -> Around:
    manager = call.service.manager
    return Around(
        properties=manager.resources.properties,
        home=manager.home(call.caller.name),
        homes=_home_of,
        is_admin=call.caller.is_admin,
        default_walltime_s=manager.limits.default_walltime_s,
        max_array=manager.limits.max_array,
        max_script_bytes=manager.limits.max_config_bytes,
        read_file=_no_files,
    )


def _home_of(user: str) -> str | None:
    try:
        return account(user).home
    except KeyError:
        return None


def _no_files(path: str, field: str) -> str:
    raise InvalidFieldError(f"{field}: files are not read here yet: {path}", field=field)


def _made(call: OarCall[Any, Any], submission: Submission) -> list[Job]:
    manager = call.service.manager
    if submission.resubmit is not None:
        return [_resubmitted(call, submission.resubmit)]
    return manager.create_array(call.caller, submission.jobs)[0]


def _resubmitted(call: OarCall[Any, Any], job_id: int) -> Job:
    try:
        return call.service.manager.batch.resubmit(call.caller, str(job_id))
    except JobDoesNotExistError:
        raise InvalidFieldError(f"resubmit: there is no job {job_id}", field="resubmit") from None
    except WrongJobStateError as error:
        raise InvalidFieldError(f"resubmit: {error}", field="resubmit") from None


def _answer(call: OarCall[Any, Any], jobs: list[Job], submission: Submission) -> Answer:
    lines = [*submission.said, *(f"OAR_JOB_ID={job.id}" for job in jobs)]
    if len(jobs) > 1:
        lines.append(f"OAR_ARRAY_ID={jobs[0].id}")
    link = call.link("self", f"/jobs/{jobs[0].id}")
    values = {"id": jobs[0].id, "cmd_output": "".join(f"{line}\n" for line in lines)}
    answer = item(call, values, [link], with_uris=True)
    return Answer(answer, 201, {"Location": link.href})

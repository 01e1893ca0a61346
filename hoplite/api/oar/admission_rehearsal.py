"""``POST /admission_rules/rehearse``: what a rule would have done to the last submissions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.admission.facts import CHANGEABLE, JobFacts, Submitter, request_words
from hoplite.admission.groups import groups_of
from hoplite.admission.verdicts import Verdict
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.rule_pages import rehearsal_again, rehearsed_page
from hoplite.exceptions import InvalidRequestError, RuleDoesNotExistError, UnavailableError
from hoplite.journal.protocol import Page
from hoplite.manager.admission import Rehearsed, Submitted
from hoplite.model.admission_rule import DEFAULT_PRIORITY, AdmissionRule
from hoplite.model.job import Job
from hoplite.submission.rehearsal import as_submitted

routes = OarRoutes("OAR admission rules")

_PAGE = 500
_MOST_ROWS = 20_000


class RehearsalBody(msgspec.Struct, frozen=True):
    """A rule that is tried, and is not kept."""

    rule: Annotated[str, Meta(description="The text, in Starlark.")]
    id: Annotated[
        int | None, Meta(description="Of the rule in whose place it stands; none: it comes anew.")
    ] = None
    priority: int | None = None
    limit: Annotated[
        int, Meta(ge=1, le=1000, description="So many submissions, the last ones.")
    ] = 100


class RehearsedRefusal(msgspec.Struct, frozen=True):
    """A submission that the rule, or another after it, would have refused."""

    job: int
    user: str
    rule: Annotated[int | None, Meta(description="Which refused it; null: the new one.")]
    message: str


class RehearsedChange(msgspec.Struct, frozen=True):
    """A submission of which something else would have been made."""

    job: int
    user: str
    changes: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="By key of `job`, and `cmd_output`: `without` the rule and `with` it."),
    ]


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule would have done.  Nothing was changed."""

    rehearsed: Annotated[int, Meta(description="Submissions that were looked at.")]
    refused: list[RehearsedRefusal]
    failed: Annotated[
        list[RehearsedRefusal], Meta(description="Refused as a rule could not judge them.")
    ]
    admitted: Annotated[list[int], Meta(description="Jobs that are refused without it only.")]
    changed: list[RehearsedChange]
    same: Annotated[int, Meta(description="Submissions to which it makes no difference.")]
    api_timestamp: int


@routes.post(
    "/admission_rules/rehearse",
    right=Right.OAR,
    body=RehearsalBody,
    about="Admission rule",
    answers={200: Rehearsal},
    raises=[InvalidRequestError, RuleDoesNotExistError, UnavailableError],
    page=rehearsed_page,
    form=rehearsal_again,
)
def rehearse_admission_rule(call: OarCall[Options, RehearsalBody]) -> Answer:
    """Say which of the last submissions a rule would have refused or changed (beyond OAR).

    They are judged as they came, by the rules that are there now, without the rule and with it.
    """
    body, manager = call.body, call.service.manager
    priority = body.priority
    if body.id is not None:
        known = manager.rules.rule(call.caller, body.id)
        priority = known.priority if priority is None else priority
    candidate = AdmissionRule(
        id=body.id or 0,
        priority=DEFAULT_PRIORITY if priority is None else priority,
        rule=body.rule,
        at=time.time(),
        who=call.caller.name,
    )
    submissions = list(_last(call, body.limit))
    return Answer(_told(call, manager.admission.rehearse(call.caller, submissions, candidate)))


def _last(call: OarCall[Any, Any], limit: int) -> Iterator[Submitted]:
    """The last submissions, newest first; an array is one."""
    manager, found, looked_at, before = call.service.manager, 0, 0, None
    properties = manager.resources.properties
    while found < limit and looked_at < _MOST_ROWS:
        page = manager.page(Page(limit=_PAGE, before_id=before))
        for job in page.jobs:
            if job.batch is None or job.batch.array_index != 1 or job.batch.resubmit_of is not None:
                continue
            new = as_submitted(job, properties)
            if new is not None and found < limit:
                found += 1
                yield Submitted(job, new, _who(call, job))
        looked_at, before = looked_at + _PAGE, page.next_before_id
        if before is None:
            return


def _who(call: OarCall[Any, Any], job: Job) -> Submitter:
    """Whether others than the caller are administrators is not written down with their jobs."""
    is_admin = call.caller.is_admin and job.owner == call.caller.name
    return Submitter(job.owner, groups_of(job.owner), is_admin)


def _told(call: OarCall[Any, Any], rehearsed: list[Rehearsed]) -> Rehearsal:
    refused: list[RehearsedRefusal] = []
    failed: list[RehearsedRefusal] = []
    admitted: list[int] = []
    changed: list[RehearsedChange] = []
    for each in rehearsed:
        was, now = each.without, each.with_it
        if now.job is None:
            if was.job is not None:
                told = failed if now.refused is None else refused
                told.append(_refusal(each.job, now))
        elif was.job is None:
            admitted.append(each.job.id)
        elif changes := _changes(was, now):
            changed.append(RehearsedChange(each.job.id, each.job.owner, changes))
    different = len(refused) + len(failed) + len(admitted) + len(changed)
    return Rehearsal(
        rehearsed=len(rehearsed),
        refused=refused,
        failed=failed,
        admitted=admitted,
        changed=changed,
        same=len(rehearsed) - different,
        api_timestamp=call.now,
    )


def _refusal(job: Job, now: Verdict) -> RehearsedRefusal:
    rule, message = 0, ""
    if now.refused is not None:
        rule, message = now.refused.rule, now.refused.message
    elif now.failed is not None:
        rule, message = now.failed.rule, now.failed.why
    return RehearsedRefusal(job.id, job.owner, rule if 0 < rule < 2**31 else None, message)


def _changes(was: Verdict, now: Verdict) -> dict[str, dict[str, Any]]:
    pairs = {key: (_shown(was.job, key), _shown(now.job, key)) for key in CHANGEABLE}
    pairs["cmd_output"] = (list(was.said), list(now.said))
    return {
        key: {"without": without, "with": with_it}
        for key, (without, with_it) in pairs.items()
        if without != with_it
    }


def _shown(job: JobFacts | None, key: str) -> Any:
    if job is None:
        return None
    if key == "resources":
        return [request_words(request) for request in job.resources]
    value = getattr(job, key)
    return list(value) if isinstance(value, tuple) else value

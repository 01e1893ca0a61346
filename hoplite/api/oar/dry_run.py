"""``dry_run=1``: what would become of a submission, told by the scheduler itself."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from hoplite.api.oar.endpoint import Answer, OarCall
from hoplite.exceptions import InvalidFieldError
from hoplite.manager.admission import Admitted
from hoplite.manager.batch_turn import Place
from hoplite.model.batch import Batch
from hoplite.scheduling.decisions import Placement
from hoplite.submission.jobs import Submission

_AT_ONCE_S = 0.5

WaitsFor = Literal["hold", "dependency", "reservation", "resources"]


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen.  Nothing was made."""

    dry_run: bool = True
    jobs: Annotated[int, Meta(description="How many there would be; the rest is of the first.")]
    starts_at_once: bool
    waits_for: Annotated[
        WaitsFor | None, Meta(description="What it would wait for; null: it would start.")
    ]
    scheduled_start: Annotated[
        int | None, Meta(description="Seconds since 1970; null: it cannot be told.")
    ]
    walltime: Annotated[int | None, Meta(description="Seconds.")]
    alternative: Annotated[
        int | None, Meta(description="Which `resource` it would get, counted from 0.")
    ]
    resources: Annotated[list[int], Meta(description="Ids of those that it would get.")]
    nodes: list[str]
    queue: str
    types: list[str]
    cmd_output: str
    api_timestamp: int


def foretold(call: OarCall[Any, Any], submission: Submission) -> Answer:
    """Raises what the submission itself would."""
    if not submission.jobs:
        raise InvalidFieldError(
            "dry_run: what is resubmitted was asked for before; leave resubmit out", field="dry_run"
        )
    admitted, found = call.service.manager.dry_run(call.caller, submission.jobs)
    return Answer(_told(call, submission, admitted, found))


def _told(
    call: OarCall[Any, Any], submission: Submission, admitted: Admitted, place: Place | None
) -> DryRun:
    batch = admitted.jobs[0].batch
    assert batch is not None
    found, ids = (None, ()) if place is None else (place.placement, place.resources)
    waits = _waits_for(batch, found)
    table = call.service.manager.resources.table
    nodes = {table.resource(id_).network_address: None for id_ in ids if id_ in table}
    lines = [*submission.warnings, *admitted.said, *submission.remarks]
    lines.append("Nothing was made: this was a dry run")
    return DryRun(
        jobs=len(submission.jobs),
        starts_at_once=waits is None,
        waits_for=waits,
        scheduled_start=None if found is None else round(found.start),
        walltime=None if found is None else round(found.end - found.start),
        alternative=None if found is None else found.alternative,
        resources=list(ids),
        nodes=list(nodes),
        queue=batch.queue,
        types=list(batch.types),
        cmd_output="".join(f"{line}\n" for line in lines),
        api_timestamp=call.now,
    )


def _waits_for(batch: Batch, found: Placement | None) -> WaitsFor | None:
    if batch.hold:
        return "hold"
    if found is not None and found.start <= time.time() + _AT_ONCE_S:
        return None
    if batch.starts_at is not None:
        return "reservation"
    return "dependency" if batch.after else "resources"

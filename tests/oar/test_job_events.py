"""Entries of the timeline as OAR's events."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hoplite.api.oar.job_events import events_of
from hoplite.model.batch import Batch, Granted
from hoplite.model.fault import Fault
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.timeline import Entry, Happening

JOB = Job(
    id=7, uuid="", plugin="p", owner="me", created_at=1.0, batch=Batch(), state=State.TERMINATED,
    outcome=Outcome.SUCCEEDED, exit_code=0,
)  # fmt: skip
KILLED = msgspec.structs.replace(JOB, state=State.ERROR, outcome=Outcome.KILLED, exit_code=None)


def entry(what: Happening, who: str = "me", **detail: Any) -> Entry:
    raw = msgspec.Raw(msgspec.json.encode(detail)) if detail else None
    return Entry(
        seq=5, job_id=7, uuid="", owner="me", at=9.5, what=what, who=who, version=1, detail=raw
    )


def told(job: Job, *entries: Entry) -> list[str]:
    return [event.type for event in events_of(job, entries)]


@pytest.mark.parametrize(
    ("happened", "types"),
    [
        (entry(Happening.CREATED, plugin="p"), []),
        (entry(Happening.QUEUED), []),
        (entry(Happening.STARTED), []),
        (entry(Happening.HELD), ["HOLD_WAITING_JOB"]),
        (entry(Happening.SUSPENDED), ["HOLD_RUNNING_JOB"]),
        (entry(Happening.RESUMING), ["RESUME_JOB"]),
        (entry(Happening.CHECKPOINT_REQUESTED, signal=12), ["CHECKPOINT"]),
        (entry(Happening.SIGNALLED, signal=10), ["SIGNAL_10"]),
        (entry(Happening.WALLTIME_CHANGED, to_s=60.0), ["WALLTIME"]),
        (entry(Happening.KILL_REQUESTED), ["FRAG_JOB_REQUEST", "SEND_KILL_JOB"]),
        (
            entry(Happening.KILL_REQUESTED, "server", reason="besteffort: ended by the scheduler"),
            ["FRAG_JOB_REQUEST", "BESTEFFORT_KILL", "SEND_KILL_JOB"],
        ),
        (entry(Happening.RESUBMITTED, "server", **{"as": 8}), ["RESUBMIT_JOB_AUTOMATICALLY"]),
        (entry(Happening.ENDED, outcome="succeeded"), ["SWITCH_INTO_TERMINATE_STATE"]),
        (entry(Happening.ENDED, outcome="cancelled"), ["FRAG_JOB_REQUEST"]),
    ],
)
def test_what_oar_has_a_name_for_is_an_event_by_that_name(
    happened: Entry, types: list[str]
) -> None:
    assert told(JOB, happened) == types


def test_how_a_job_ended_is_told_by_the_job() -> None:
    over = entry(Happening.ENDED, outcome="timed_out", reason="it ran for 60 s")
    assert told(KILLED, over) == ["WALLTIME", "SWITCH_INTO_ERROR_STATE"]
    granted = Granted(fault=Fault.WORKING_DIRECTORY)
    broken = msgspec.structs.replace(JOB, outcome=Outcome.FAILED, exit_code=1, granted=granted)
    ended = entry(Happening.ENDED, outcome="failed", exit_code=1, reason="no such directory")
    assert told(broken, ended) == ["WORKING_DIRECTORY", "SWITCH_INTO_ERROR_STATE"]
    (walltime, state) = events_of(KILLED, [over])
    assert walltime.event_id != state.event_id
    assert (walltime.job_id, walltime.date, walltime.to_check) == (7, 9, "NO")
    assert "it ran for 60 s" in walltime.description


def test_a_job_that_left_its_hold_was_resumed_and_one_that_came_was_not() -> None:
    held, queued = entry(Happening.HELD), entry(Happening.QUEUED)
    assert told(JOB, queued, held, queued) == ["HOLD_WAITING_JOB", "RESUME_JOB"]
    assert told(JOB, held, held, queued, queued) == ["HOLD_WAITING_JOB"] * 2 + ["RESUME_JOB"]


def test_a_detail_of_another_form_does_no_harm() -> None:
    assert told(JOB, entry(Happening.ENDED, outcome=5, reason=[])) == [
        "SWITCH_INTO_TERMINATE_STATE"
    ]

"""How OAR's clients see states and ends."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hoplite.model.batch import Granted
from hoplite.model.fault import Fault
from hoplite.model.job import Job
from hoplite.model.lifecycle import FINAL_EVENT, Outcome, State, after
from hoplite.model.oar_state import OAR_STATES, oar_exit_code, oar_state

SHELL = "hoplite.plugins.shell_command"


def ended(outcome: Outcome, **facts: Any) -> Job:
    return Job(
        id=1,
        uuid="",
        plugin=facts.pop("plugin", SHELL),
        owner="me",
        created_at=0.0,
        state=after(State.FINISHING, FINAL_EVENT[outcome]),
        outcome=outcome,
        **facts,
    )


@pytest.mark.parametrize("state", State)
def test_states_have_the_names_of_oar(state: State) -> None:
    job = Job(id=1, uuid="", plugin="p", owner="me", created_at=0.0, state=state)
    assert oar_state(job) == state.value
    assert oar_state(job) in OAR_STATES
    assert oar_exit_code(job) is None


@pytest.mark.parametrize(
    ("job", "state", "exit_code"),
    [
        (ended(Outcome.SUCCEEDED, exit_code=0), "Terminated", 0),
        (ended(Outcome.FAILED, exit_code=3), "Terminated", 768),
        (ended(Outcome.FAILED, exit_code=127), "Terminated", 32512),
        (ended(Outcome.FAILED, signal=9), "Terminated", 9),
        (ended(Outcome.KILLED, signal=15), "Error", None),
        (ended(Outcome.KILLED, exit_code=0), "Error", None),
        (ended(Outcome.TIMED_OUT, signal=15), "Error", None),
        (ended(Outcome.CANCELLED), "Error", None),
        (ended(Outcome.LOST), "Error", None),
        # Nothing was seen of a process: it could not be made.
        (ended(Outcome.FAILED), "Error", None),
        # A noop job that had its time.
        (ended(Outcome.SUCCEEDED), "Terminated", None),
        (ended(Outcome.SUCCEEDED, signal=15), "Terminated", None),
    ],
)
def test_an_end_of_its_own_is_terminated_and_any_other_an_error(
    job: Job, state: str, exit_code: int | None
) -> None:
    assert (oar_state(job), oar_exit_code(job)) == (state, exit_code)


@pytest.mark.parametrize("fault", Fault)
def test_a_job_that_could_not_begin_is_an_error_without_an_exit_code(fault: Fault) -> None:
    job = ended(Outcome.FAILED, exit_code=1, granted=Granted(fault=fault))
    assert (oar_state(job), oar_exit_code(job)) == ("Error", None)


@pytest.mark.parametrize(
    ("plugin", "status", "exit_code"),
    [
        (SHELL, {"signal": 9}, 9),
        (SHELL, {"signal": None}, 137 << 8),
        (SHELL, {"signal": 15}, 137 << 8),
        (SHELL, {"signal": "nine"}, 137 << 8),
        ("another", {"signal": 9}, 137 << 8),
    ],
)
def test_the_signal_of_a_command_is_told_as_such(
    plugin: str, status: dict[str, Any], exit_code: int
) -> None:
    """The shell plugin exits with 128 + 9 for it; so may a command of its own."""
    raw = msgspec.Raw(msgspec.json.encode(status))
    job = ended(Outcome.FAILED, exit_code=137, plugin=plugin, status=raw)
    assert oar_exit_code(job) == exit_code

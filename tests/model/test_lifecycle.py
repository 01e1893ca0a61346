"""The transition table holds together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.model.job import Job
from hoplite.model.lifecycle import (
    ENDED,
    FINAL_EVENT,
    LIVE,
    STARTED,
    TRANSITIONS,
    Event,
    IllegalTransition,
    Outcome,
    State,
    after,
    ending,
)


def job(state: State) -> Job:
    return Job(id=1, uuid="u", plugin="p", owner="o", created_at=0.0, state=state)


def test_every_state_is_reached_and_every_live_state_can_end() -> None:
    reached = {State.HOLD, *TRANSITIONS.values()}
    assert reached == set(State)
    ends = set(ENDED)
    while True:
        more = {state for (state, _), to in TRANSITIONS.items() if to in ends} - ends
        if not more:
            break
        ends |= more
    assert ends == set(State)


def test_nothing_leaves_an_ended_state() -> None:
    assert not [state for state, _ in TRANSITIONS if state in ENDED]


def test_every_event_and_outcome_is_used() -> None:
    assert {event for _, event in TRANSITIONS} == set(Event)
    assert set(FINAL_EVENT) == set(Outcome)


@pytest.mark.parametrize("state", sorted(State))
@pytest.mark.parametrize("event", list(Event))
def test_what_is_not_in_the_table_raises(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition, match=event.value):
            after(state, event)


@pytest.mark.parametrize("state", sorted(STARTED))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_started_job_can_end_with_every_outcome(state: State, outcome: Outcome) -> None:
    ended = job(state).at_end(outcome, 5.0)
    assert ended.state in ENDED and ended.finished and not ended.running
    assert after(state, *ending(state, outcome)) is ended.state


@given(st.lists(st.sampled_from(list(Event)), max_size=12))
def test_walks_stay_in_the_table_and_the_booleans_agree(events: list[Event]) -> None:
    walker = job(State.HOLD)
    for event in events:
        if (walker.state, event) not in TRANSITIONS:
            continue
        before, walker = walker, walker.moved(event)
        assert walker.version == before.version + 1
        assert walker.state in LIVE | ENDED
        assert walker.running == (walker.state in STARTED)
        assert walker.finished == (walker.state in ENDED)
        assert not (walker.running and walker.finished)

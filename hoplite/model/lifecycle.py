"""The one table of a job's life: states, events, and which event leads where.

Everything else that is said about a job's state is a view of this table: the OAR state names are
the values of :class:`State`, the three booleans of Hoplite 15 are computed in
:mod:`hoplite.model.job`, and the diagram in the docs is drawn from :data:`TRANSITIONS`.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job is.  The names are those of OAR."""

    HOLD = "Hold"
    WAITING = "Waiting"
    TO_LAUNCH = "toLaunch"
    LAUNCHING = "Launching"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    RESUMING = "Resuming"
    FINISHING = "Finishing"
    TERMINATED = "Terminated"
    ERROR = "Error"


class Event(StrEnum):
    """What happens to a job, as past participles."""

    RELEASED = "released"
    """Out of Hold: the owner started it."""
    HELD = "held"
    SCHEDULED = "scheduled"
    """It has a place to run."""
    LAUNCHED = "launched"
    """The engine was told, after the journal was."""
    UNLAUNCHED = "unlaunched"
    """Nothing of it ran, and nothing will (the server died between); it waits again."""
    STARTED = "started"
    """Its process exists."""
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    CONTINUED = "continued"
    EXITED = "exited"
    """Its process is gone and its outcome is known."""
    TERMINATED = "terminated"
    """It ran to an end of its own: succeeded or failed."""
    BROKEN = "broken"
    """It was ended: killed, timed out, lost, cancelled."""


class Outcome(StrEnum):
    """What became of an ended job."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It raised, exited with another code than 0, or died of a signal that nobody asked for here."""
    KILLED = "killed"
    """Somebody asked this server to kill it."""
    TIMED_OUT = "timed_out"
    LOST = "lost"
    """Its machine rebooted, or its process vanished without a word."""
    CANCELLED = "cancelled"
    """It was ended before it started."""


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.HOLD, Event.RELEASED): State.WAITING,
    (State.HOLD, Event.BROKEN): State.ERROR,
    (State.WAITING, Event.HELD): State.HOLD,
    (State.WAITING, Event.SCHEDULED): State.TO_LAUNCH,
    (State.WAITING, Event.BROKEN): State.ERROR,
    (State.TO_LAUNCH, Event.LAUNCHED): State.LAUNCHING,
    (State.TO_LAUNCH, Event.UNLAUNCHED): State.WAITING,
    (State.TO_LAUNCH, Event.BROKEN): State.ERROR,
    (State.LAUNCHING, Event.STARTED): State.RUNNING,
    (State.LAUNCHING, Event.UNLAUNCHED): State.WAITING,
    (State.LAUNCHING, Event.EXITED): State.FINISHING,
    (State.RUNNING, Event.UNLAUNCHED): State.WAITING,
    (State.RUNNING, Event.SUSPENDED): State.SUSPENDED,
    (State.RUNNING, Event.EXITED): State.FINISHING,
    (State.SUSPENDED, Event.UNLAUNCHED): State.WAITING,
    (State.SUSPENDED, Event.RESUMED): State.RESUMING,
    (State.SUSPENDED, Event.EXITED): State.FINISHING,
    (State.RESUMING, Event.UNLAUNCHED): State.WAITING,
    (State.RESUMING, Event.CONTINUED): State.RUNNING,
    (State.RESUMING, Event.EXITED): State.FINISHING,
    (State.FINISHING, Event.TERMINATED): State.TERMINATED,
    (State.FINISHING, Event.BROKEN): State.ERROR,
}

ENDED = frozenset({State.TERMINATED, State.ERROR})
LIVE = frozenset(State) - ENDED
STARTED = frozenset(
    {State.LAUNCHING, State.RUNNING, State.SUSPENDED, State.RESUMING, State.FINISHING}
)
"""States in which a process of the job exists, or is about to; Hoplite's ``running``."""

FINAL_EVENT: dict[Outcome, Event] = {
    Outcome.SUCCEEDED: Event.TERMINATED,
    Outcome.FAILED: Event.TERMINATED,
    Outcome.KILLED: Event.BROKEN,
    Outcome.TIMED_OUT: Event.BROKEN,
    Outcome.LOST: Event.BROKEN,
    Outcome.CANCELLED: Event.BROKEN,
}


class IllegalTransition(Exception):
    """An event that the table does not allow in that state: a defect of the caller."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"a job that is {state.value} cannot be {event.value}")
        self.state = state
        self.event = event


def after(state: State, *events: Event) -> State:
    """The state after ``events``, one by one; raises :class:`IllegalTransition`."""
    for event in events:
        try:
            state = TRANSITIONS[state, event]
        except KeyError:
            raise IllegalTransition(state, event) from None
    return state


def ending(state: State, outcome: Outcome) -> tuple[Event, ...]:
    """The events that take a live job from ``state`` to its end with ``outcome``."""
    final = FINAL_EVENT[outcome]
    if state in STARTED and state is not State.FINISHING:
        return (Event.EXITED, final)
    return (final,)

"""A job as OAR tells of it: its state and its exit code."""

from __future__ import annotations

import msgspec

from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State

TO_ACK_RESERVATION = "toAckReservation"
"""OAR's state of a reservation that nobody has looked at yet.  Here they are granted or refused
before they are kept, so that no job is ever in it."""

OAR_STATES = (*(state.value for state in State), TO_ACK_RESERVATION)
"""Every name that a client of OAR may ask for."""

_SHELL_COMMAND = "hoplite.plugins.shell_command"
_OF_A_SIGNAL = 128


def oar_state(job: Job) -> str:
    """The state's name.  Terminated: it ran to an end of its own, with whatever code; Error: it was
    ended, or never began (``job.granted.fault``, or its process could not be made)."""
    return State.ERROR.value if _never_began(job) else job.state.value


def oar_exit_code(job: Job) -> int | None:
    """The raw wait status, as OAR shows it: ``exit 3`` is 768, a signal its number.  None while the
    job lives, and for one that was ended or never began."""
    if job.outcome not in (Outcome.SUCCEEDED, Outcome.FAILED) or _never_began(job):
        return None
    if job.exit_code is None:
        return job.signal if job.outcome is Outcome.FAILED else None
    return _signal_of_command(job) or job.exit_code << 8


def _never_began(job: Job) -> bool:
    if job.outcome is not Outcome.FAILED:
        return False
    return job.granted.fault is not None or (job.exit_code is None and job.signal is None)


class _CommandStatus(msgspec.Struct):
    signal: int | None = None


def _signal_of_command(job: Job) -> int | None:
    """The signal that a shell command died of, which its keeper tells by its exit code."""
    if job.plugin != _SHELL_COMMAND or (job.exit_code or 0) <= _OF_A_SIGNAL:
        return None
    try:
        said = msgspec.json.decode(job.status, type=_CommandStatus).signal
    except msgspec.MsgspecError:  # what is in a status is the job's own affair
        return None
    return said if said is not None and said + _OF_A_SIGNAL == job.exit_code else None

"""What can be asked of jobs, with OAR's words for it, and what would be right where it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from hoplite.exceptions import JobEndedError
from hoplite.manager.array_commands import Command
from hoplite.manager.job_manager import JobManager
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State

_BEING_LAUNCHED = "it is being launched: ask again in a moment"
_HAS_ENDED = "`POST /jobs/<id>/resubmissions/new` runs the same again"


class Act(msgspec.Struct, frozen=True):
    """One thing that can be asked of a job."""

    done: str
    """As in "the job cannot be ..."."""
    status: str
    """What the answer says."""
    of: Callable[[JobManager], Command]
    said: Callable[[Job, str], str]
    """``cmd_output`` of the job as it is now; the text is " on <node>", or empty."""
    instead: Mapping[State, str] = {}
    """What would be right for a job in these states."""

    def advice(self, job: Job) -> str:
        """What can be done with ``job`` instead; empty if nothing is known."""
        if job.ended:
            return _HAS_ENDED if job.batch is not None else ""
        if job.batch is None:
            return "`DELETE /jobs/<id>` ends it"
        return self.instead.get(job.state, "")


def _delete(manager: JobManager) -> Command:
    def delete(caller: Caller, ref: str) -> Job:
        job = manager.job(ref)
        if caller.owns(job) and (why := _already_deleted(job)):
            raise JobEndedError(why)
        return manager.delete(caller, ref)

    return delete


def _already_deleted(job: Job) -> str | None:
    """Why deleting it once more means nothing; None where it does not."""
    if job.kill_by is None:
        return None
    if not job.ended:
        if job.granted.kill_reason is not None:
            return None  # the batch system ends it, and may run it again
        return f"job {job.id} was already killed: {job.reason or f'{job.kill_by} asked for it'}"
    if job.outcome in (Outcome.KILLED, Outcome.CANCELLED):
        return f"job {job.id} was already killed, by {job.kill_by}"
    return None


def is_deleted(job: Job) -> bool:
    """Whether the deletion ends it; False: it had ended before, otherwise."""
    return not job.ended or job.outcome in (Outcome.KILLED, Outcome.CANCELLED)


def _delete_said(job: Job, _node: str) -> str:
    if is_deleted(job):
        return f"Deleting the job = {job.id} ...REGISTERED.\n"
    outcome = job.outcome.value if job.outcome else "ended"
    return f"Deleting the job = {job.id} ...it had ended before ({outcome}).\n"


def _hold_said(job: Job, _node: str) -> str:
    return f"[{job.id}] Hold request was sent to the OAR server.\n"


def _resume_said(job: Job, _node: str) -> str:
    return f"[{job.id}] Resume request was sent to the OAR server.\n"


def _checkpoint_said(job: Job, node: str) -> str:
    return (
        f"Checkpointing the job {job.id} ...DONE.\n"
        f"The job {job.id} was notified to checkpoint itself{node}.\n"
    )


DELETE = Act("deleted", "Delete request registered", _delete, _delete_said)
CHECKPOINT = Act(
    "checkpointed",
    "Checkpoint request registered",
    lambda manager: manager.batch.checkpoint,
    _checkpoint_said,
    {
        State.WAITING: "it has no process yet",
        State.HOLD: "it has no process yet; `resumptions` puts it into the queue",
        State.TO_LAUNCH: _BEING_LAUNCHED,
        State.LAUNCHING: _BEING_LAUNCHED,
        State.SUSPENDED: "`resumptions` has it go on first",
        State.RESUMING: "it waits for its resources to go on",
    },
)
HOLD = Act(
    "held",
    "Hold request registered",
    lambda manager: manager.batch.hold,
    _hold_said,
    {
        State.HOLD: "it is on hold already; `resumptions` puts it back into the queue",
        State.TO_LAUNCH: _BEING_LAUNCHED,
        State.LAUNCHING: _BEING_LAUNCHED,
        State.RUNNING: "`rholds` suspends a running job",
        State.SUSPENDED: "it is suspended already; `resumptions` has it go on",
    },
)
RHOLD = Act(
    "suspended",
    "Hold request registered",
    lambda manager: manager.batch.suspend,
    _hold_said,
    {
        State.WAITING: "`holds` keeps a waiting job from starting",
        State.HOLD: "it has not started; `resumptions` puts it into the queue",
        State.TO_LAUNCH: _BEING_LAUNCHED,
        State.LAUNCHING: _BEING_LAUNCHED,
        State.SUSPENDED: "it is already; `resumptions` has it go on",
        State.RESUMING: "it stands still already, and waits for its resources to go on",
    },
)
RESUME = Act(
    "resumed",
    "Resume request registered",
    lambda manager: manager.batch.resume,
    _resume_said,
    {
        State.WAITING: "it is in the queue already, and `GET /jobs/<id>/why` tells what it waits for",
        State.RESUMING: "it was asked for already, and it goes on as soon as its resources are free: "
        "`GET /jobs/<id>/why` tells when",
        State.TO_LAUNCH: "it is being launched",
        State.LAUNCHING: "it is being launched",
        State.RUNNING: "it runs",
        State.FINISHING: "it is ending",
    },
)


def signalling(signum: int) -> Act:
    """The act of sending a signal."""
    return Act(
        "signalled",
        "Signal sending request registered",
        lambda manager: lambda caller, ref: manager.batch.signal(caller, ref, signum),
        lambda job, node: (
            f"Signaling the job {job.id} with {signum} signal.\nDONE.\n"
            f"The job {job.id} was notified to signal itself with {signum}{node}.\n"
        ),
        CHECKPOINT.instead,
    )

"""A command on all jobs of an array: the rights are checked for all of them before the first is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from hoplite.exceptions import (
    HopliteError,
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobEndedError,
    JobNotStartedError,
    NotAuthorizedError,
    WrongJobStateError,
)
from hoplite.manager.batch_queue import BatchQueue
from hoplite.manager.job_table import JobTable
from hoplite.model.caller import Caller
from hoplite.model.job import Job

WRONG_STATE = (
    WrongJobStateError,
    JobEndedError,
    JobNotStartedError,
    JobAlreadyStartedError,
)
"""What a command raises where it is the job's state that does not allow it."""

Command = Callable[[Caller, str], Job]
"""A command of the job manager on one job, by its id in digits."""


class Effect(msgspec.Struct, frozen=True):
    """What became of the command for one of the jobs."""

    job_id: int
    job: Job | None = None
    """What the command gave."""
    refused: HopliteError | None = None
    """Why it was refused, one of :data:`WRONG_STATE`; ``job`` is None then."""


class ArrayCommands:
    """The part of the job manager for whole arrays."""

    def __init__(self, table: JobTable, queue: BatchQueue) -> None:
        self._table = table
        self._queue = queue

    def jobs(self, array_id: int) -> list[Job]:
        """The jobs of an array, those that ended and those that were resubmitted too, by id.  A job
        of its own is an array of one.

        Raises :class:`~hoplite.exceptions.JobDoesNotExistError`.
        """
        found = self._table.journal.array(array_id)
        if not found:
            raise JobDoesNotExistError(self._no_array(array_id))
        return found

    def check_rights(self, caller: Caller, jobs: Iterable[Job]) -> None:
        """Raises :class:`~hoplite.exceptions.NotAuthorizedError` if one of them is another's."""
        for job in jobs:
            if not caller.owns(job):
                raise NotAuthorizedError(
                    f"job {job.id} belongs to {job.owner}; only {job.owner} and administrators may "
                    "do this, and nothing was done to the other jobs of the array"
                )

    def apply(self, caller: Caller, jobs: Iterable[Job], command: Command) -> list[Effect]:
        """The command on each of them, by id; those that have no process first, so that none of
        them starts in the place of another that is being ended.

        Other errors than those of :data:`WRONG_STATE` are raised when they come: what was done
        before stays done, and the command can be given again.
        """
        in_order = sorted(jobs, key=lambda job: (job.running, job.id))
        with self._queue.together():
            effects = [self._one(caller, job, command) for job in in_order]
        return sorted(effects, key=lambda effect: effect.job_id)

    @staticmethod
    def _one(caller: Caller, job: Job, command: Command) -> Effect:
        try:
            return Effect(job.id, command(caller, str(job.id)))
        except WRONG_STATE as refused:
            return Effect(job.id, refused=refused)

    def _no_array(self, array_id: int) -> str:
        try:
            job = self._table.get(array_id)
        except JobDoesNotExistError:
            return f"there is no array {array_id}"
        if job.batch is None or job.batch.array_id is None:
            return f"{array_id} is no array, but a job that asks for no resources"
        return f"{array_id} is no array, but a job of the array {job.batch.array_id}"

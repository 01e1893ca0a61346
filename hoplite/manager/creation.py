"""New jobs: alone or as arrays, once for each Idempotency-Key."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

import structlog

from hoplite.exceptions import (
    IdempotencyConflictError,
    JobPluginDoesNotExistError,
    NotAuthorizedError,
    ShuttingDownError,
    TooLargeError,
)
from hoplite.journal.protocol import Journal, KeyUsed
from hoplite.manager.admission import Admitted
from hoplite.manager.batch_commands import BatchCommands
from hoplite.manager.batch_turn import Place
from hoplite.manager.job_table import SERVER, JobTable, entry
from hoplite.manager.key_locks import KeyLocks
from hoplite.manager.launching import Launcher, Owners, new_key
from hoplite.manager.limits import Limits
from hoplite.manager.requests import NewJob, array_fingerprint, resubmission_fingerprint
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import Event
from hoplite.model.timeline import Entry, Happening
from hoplite.plugins.source import PluginSource

log = structlog.get_logger("hoplite.manager")


class Creation:
    """``retry`` has launches that failed tried again."""

    def __init__(
        self,
        journal: Journal,
        table: JobTable,
        launcher: Launcher,
        batch: BatchCommands,
        *,
        plugins: PluginSource,
        limits: Limits,
        owners: Owners,
        retry: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._table = table
        self._launcher = launcher
        self._batch = batch
        self._plugins = plugins
        self._limits = limits
        self._owners = owners
        self._retry = retry
        self._keys = KeyLocks()

    def create(self, caller: Caller, new: NewJob, key: str | None = None) -> tuple[Job, bool]:
        """A new job, started if asked for; or, with True, the one that ``key`` made before."""
        self.check_may_submit(caller)
        if key is None:
            return self._create(caller, new, None), False
        with self._keys.held(caller.name, key):
            known = self._known(caller, key, new.fingerprint())
            if known is None:
                return self._create(caller, new, key), False
            return self._table.get(known), True

    def _known(self, caller: Caller, key: str, fingerprint: bytes) -> int | None:
        """The (first) job that ``key`` made before."""
        known = self._journal.key_used(caller.name, key)
        if known is None:
            return None
        if known.body_hash != fingerprint:
            raise IdempotencyConflictError(
                f"the Idempotency-Key {key!r} came before with another body: a new request "
                "needs a new key",
                field="Idempotency-Key",
            )
        return known.job_id

    def check_may_submit(self, caller: Caller) -> None:
        """Raises :class:`~hoplite.exceptions.NotAuthorizedError` and
        :class:`~hoplite.exceptions.ShuttingDownError`."""
        if not caller.may_submit():
            raise NotAuthorizedError(
                f"{caller.name} may read but not submit jobs; an administrator can grant it"
            )
        if self._launcher.stopped:
            raise ShuttingDownError("the server is stopping and takes no more jobs")

    def create_array(
        self, caller: Caller, jobs: Sequence[NewJob], key: str | None = None
    ) -> tuple[list[Job], bool]:
        """Jobs with batch parts and consecutive ids, all or none; or, with True, those that ``key``
        made before."""
        self.check_may_submit(caller)
        if key is None:
            return self._create_array(caller, jobs, None), False
        with self._keys.held(caller.name, key):
            known = self._known(caller, key, array_fingerprint(jobs))
            if known is None:
                return self._create_array(caller, jobs, key), False
            return self._made_by_key(known), True

    def _made_by_key(self, first_id: int) -> list[Job]:
        """Without those that were resubmitted since."""
        jobs = self._journal.array(first_id)
        jobs = [job for job in jobs if job.batch is None or job.batch.resubmit_of is None]
        return jobs or [self._table.get(first_id)]

    def resubmit(self, caller: Caller, ref: str, key: str | None = None) -> tuple[Job, bool]:
        """A new job that asks for the same as one that has ended; or, with True, the one that
        ``key`` made before."""
        self.check_may_submit(caller)
        if key is None:
            return self._batch.resubmit(caller, ref), False
        body_hash = resubmission_fingerprint(ref)
        with self._keys.held(caller.name, key):
            known = self._known(caller, key, body_hash)
            if known is not None:
                return self._table.get(known), True

            def key_used(job_id: int, at: float) -> list[KeyUsed]:
                return [KeyUsed(caller.name, key, body_hash, job_id, at)]

            return self._batch.resubmit(caller, ref, key_used), False

    def _create_array(self, caller: Caller, jobs: Sequence[NewJob], key: str | None) -> list[Job]:
        for new in {id(new.config): new for new in jobs}.values():
            self._check_new(caller, new)

        def key_used(job_id: int, at: float) -> list[KeyUsed]:
            if key is None:
                return []
            return [KeyUsed(caller.name, key, array_fingerprint(jobs), job_id, at)]

        return self._batch.create(caller, jobs, key_used)

    def dry_run(self, caller: Caller, jobs: Sequence[NewJob]) -> tuple[Admitted, Place | None]:
        """See :meth:`BatchCommands.dry_run`."""
        self.check_may_submit(caller)
        self._check_new(caller, jobs[0])
        return self._batch.dry_run(caller, jobs)

    def _check_new(self, caller: Caller, new: NewJob) -> None:
        if new.plugin not in self._plugins.plugins():
            raise JobPluginDoesNotExistError(new.plugin)
        if len(new.config) > self._limits.max_config_bytes:
            raise TooLargeError(
                f"config is {len(new.config)} bytes; at most {self._limits.max_config_bytes} are "
                "taken: hand large data over in files",
                field="config",
            )
        self._owners.admit(caller)

    def _create(self, caller: Caller, new: NewJob, key: str | None) -> Job:
        self._check_new(caller, new)

        def key_used(job_id: int, at: float) -> list[KeyUsed]:
            if key is None:
                return []
            return [KeyUsed(caller.name, key, new.fingerprint(), job_id, at)]

        if new.batch is not None:
            return self._batch.create(caller, [new], key_used)[0]
        job_id, now = self._table.next_birth()
        job = Job(
            id=job_id,
            uuid=str(uuid.uuid4()),
            plugin=new.plugin,
            owner=caller.name,
            config=new.config,
            created_at=now,
            timeout_s=new.timeout_s,
            env=new.env,
            workdir=new.workdir,
        )
        known = key_used(job_id, now)
        entries = [entry(job, Happening.CREATED, caller.name, now, {"plugin": job.plugin})]
        if not new.run:
            return self._table.create(job, entries, *known).job
        return self._create_started(caller, job, entries, known)

    def _create_started(
        self, caller: Caller, job: Job, entries: list[Entry], known: list[KeyUsed]
    ) -> Job:
        now = job.created_at
        waiting = waiting_for_a_place(job, now)
        entries.append(entry(waiting, Happening.QUEUED, caller.name, now))
        if not self._launcher.take_place_at_once(job.id):
            live = self._table.create(waiting, entries, *known)
            self._launcher.places.wait(job.id)
            self.pump_later_if_it_fails()
            return live.job
        api_key, hashed = new_key()
        launched = self._launcher.launched(waiting, hashed)
        entries.append(entry(launched, Happening.LAUNCHED, SERVER, now))
        try:
            live = self._table.create(launched, entries, *known)
        except BaseException:
            self._launcher.places.give_back(job.id)
            self.pump_later_if_it_fails()
            raise
        self._launcher.launch(launched, api_key)
        return live.job

    def pump_later_if_it_fails(self) -> None:
        """Launch whose turn it is, for a command that has taken effect already."""
        try:
            self._launcher.pump()
        except Exception as error:  # noqa: BLE001 - the caller's own command has taken effect
            log.error("launches put off", error=str(error))
            self._retry()


def waiting_for_a_place(job: Job, now: float) -> Job:
    """``job``, which was on hold, in the waiting line."""
    return job.moved(Event.RELEASED, queued_at=now, reason="waits for a place to run")

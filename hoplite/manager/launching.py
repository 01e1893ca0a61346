"""From waiting to launched: the waiting line, the job's key, and the engine's orders."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hoplite.crashpoints import crash_point
from hoplite.exceptions import HopliteError
from hoplite.execution.protocol import (
    INPUT_FILE,
    RESULT_FILE,
    Ended,
    Executor,
    LaunchSpec,
    Listener,
    RunAs,
)
from hoplite.manager import batch_environment
from hoplite.manager.job_table import SERVER, JobTable, entry
from hoplite.manager.limits import Limits
from hoplite.manager.queue import Places
from hoplite.model.batch import runs_nothing
from hoplite.model.caller import Caller
from hoplite.model.job import EMPTY_OBJECT, Job
from hoplite.model.lifecycle import Event, State
from hoplite.model.resource_set import ResourceTable
from hoplite.model.timeline import Happening
from hoplite.plugins.source import PluginSource

_NOOP = "hoplite.builtin_plugins.noop"


class Owners(Protocol):
    """Whose account jobs run under."""

    def admit(self, caller: Caller) -> None:
        """Raises :class:`~hoplite.exceptions.NotAuthorizedError` if no job can run for ``caller``."""
        ...

    def run_as(self, owner: str) -> RunAs | None:
        """The account for a job's owner; None: the server's own.  Raises if there is none."""
        ...


class ServerAddress:
    """Where jobs report.  Written to a file too: a job may outlive this server's address."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._url: str | None = None
        self._provide: Callable[[], str] | None = None
        self._providing = threading.Lock()

    def provide_by(self, start: Callable[[], str]) -> None:
        """Ask ``start`` for the address when it is first needed and not known by then."""
        self._provide = start

    def become(self, url: str) -> None:
        self._url = url
        fresh = self.path.with_suffix(".new")
        fresh.write_text(url + "\n", encoding="ascii")
        fresh.chmod(0o644)
        fresh.replace(self.path)

    def publish(self) -> None:
        """Have the file name the address now, for jobs that run already; later if it is not known."""
        if self.known:
            self.become(self.url)

    @property
    def known(self) -> bool:
        """Whether jobs can be launched: until then they wait."""
        return self._url is not None or self._provide is not None

    @property
    def url(self) -> str:
        with self._providing:
            if self._url is None and self._provide is not None:
                self.become(self._provide())
            if self._url is None:
                raise RuntimeError("the server's address is not known yet")
            return self._url


def new_key() -> tuple[str, bytes]:
    """A job's key, 256 random bits, and the hash that is kept of it."""
    key = secrets.token_urlsafe(32)
    return key, key_hash(key)


def key_hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class Launcher:
    """Gives out places and launches whose turn it is."""

    def __init__(
        self,
        table: JobTable,
        executor: Executor,
        plugins: PluginSource,
        limits: Limits,
        address: ServerAddress,
        owners: Owners,
        listener: Listener,
        resources: Callable[[], ResourceTable],
    ) -> None:
        self._table = table
        self._executor = executor
        self._plugins = plugins
        self._limits = limits
        self._address = address
        self._owners = owners
        self._listener = listener
        self._resources = resources
        self.places = Places(limits.max_running)
        self.stopped = False

    @property
    def ready(self) -> bool:
        return self._address.known and not self.stopped

    def take_place_at_once(self, job_id: int) -> bool:
        """A place for a job that has not waited, if it can be launched now."""
        return self.ready and self.places.take_at_once(job_id)

    def launched(self, job: Job, hashed: bytes) -> Job:
        """``job`` (Waiting) as it is journalled before its launch."""
        return job.moved(Event.SCHEDULED, Event.LAUNCHED, key_hash=hashed, reason=None)

    def launch(self, job: Job, key: str) -> None:
        """Hand a journalled launch to the engine.  A launch that cannot be made ends the job."""
        crash_point("manager.before_launch")
        try:
            self._executor.launch(self._spec(job, key))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this job's end
            why = str(error) if isinstance(error, HopliteError) else repr(error)
            self._listener.ended(job.id, Ended(launch_error=why, at=time.time()))
        crash_point("manager.after_launch")
        live = self._table.find_live(job.id)
        if live is not None and live.job.kill_by is not None:
            # Asked for between the journal and the engine, which did not know the job then.
            self._executor.kill(job.id, self._limits.kill_grace_s)

    def _spec(self, job: Job, key: str) -> LaunchSpec:
        plugin = self._plugins.plugins().get(job.plugin)
        if plugin is None:
            raise HopliteError(f"the plugin '{job.plugin}' was removed before the job's turn came")
        noop = runs_nothing(job.batch)
        asked = None if noop else job.batch
        run_as = self._owners.run_as(job.owner)
        directory = self._executor.directory(job.id)
        variables = batch_environment.variables(job, directory, run_as.home if run_as else None)
        return LaunchSpec(
            job_id=job.id,
            uuid=job.uuid,
            plugin=job.plugin,
            entry_point=_NOOP if noop else plugin.entry_point,
            config=EMPTY_OBJECT if noop else job.config,
            server_url=self._address.url,
            server_url_file=str(self._address.path),
            api_key=key,
            workdir=None if noop else batch_environment.workdir_of(job),
            env={**variables, **job.env} if variables else job.env,
            run_as=run_as,
            timeout_s=_limit(job),
            kill_grace_s=self._limits.kill_grace_s,
            status_retry_s=self._limits.status_retry_s,
            files=batch_environment.files(job, self._resources()) if job.batch else {},
            programs=batch_environment.programs(job),
            input_file=f"{directory}/{INPUT_FILE}",
            result_file=f"{directory}/{RESULT_FILE}",
            max_result_bytes=self._limits.max_result_bytes,
            stdout=batch_environment.output_of(job, asked.stdout) if asked else None,
            stderr=batch_environment.output_of(job, asked.stderr) if asked else None,
        )

    def pump(self) -> None:
        """Launch those whose turn it is.  Raises storage errors; then nobody lost his turn."""
        while self.ready and (starts := self.places.take_next()):
            try:
                launches = self._journal_launches(starts)
            except BaseException:
                for job_id in reversed(starts):
                    self.places.return_to_head(job_id)
                raise
            for job, key in launches:
                self.launch(job, key)

    def _journal_launches(self, job_ids: list[int]) -> list[tuple[Job, str]]:
        """In one commit: the jobs as launched, each with its key.  Those that do not wait any more
        give their places back."""
        launches = []
        with self._table.locked(job_ids) as lives:
            moves = []
            for job_id in job_ids:
                live = lives.get(job_id)
                if live is None or live.job.state is not State.WAITING:
                    continue
                key, hashed = new_key()
                job = self.launched(live.job, hashed)
                happened = entry(job, Happening.LAUNCHED, SERVER, time.time())
                moves.append((live, job, [happened]))
                launches.append((job, key))
            self._table.change_together(moves)
        for job_id in set(job_ids) - {job.id for job, _ in launches}:
            self.places.give_back(job_id)
        return launches


def _limit(job: Job) -> float | None:
    """Seconds that the job may run: the shorter of its timeout and its walltime."""
    return min((s for s in (job.timeout_s, job.walltime_s) if s is not None), default=None)

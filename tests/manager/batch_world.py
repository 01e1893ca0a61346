"""A job manager over a real journal, eight resources on two nodes, and an engine without processes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hoplite.api.owners import OneOwner
from hoplite.journal.store import SqliteJournal
from hoplite.manager.job_manager import JobManager
from hoplite.manager.limits import Limits
from hoplite.manager.requests import NewJob
from hoplite.model.batch import Batch
from hoplite.model.caller import Caller, Role
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.property_filter import parse_filter
from hoplite.model.resource import ResourceState
from hoplite.model.resource_property import PropertyType
from hoplite.model.resource_request_parser import parse_request
from hoplite.plugins.source import FixedSource, Plugin
from tests.manager.scripted import Process, ScriptedExecutor, World, an_end

ME = Caller("me", Role.USER, "process")
OTHER = Caller("other", Role.USER, "process")
ADMIN = Caller("admin", Role.ADMIN, "process")
PLUGINS = FixedSource({"p": Plugin(name="p", entry_point="p", package="a package", version="1")})
CORES = 8


class BatchWorld:
    """One server at a time, over the files of the last."""

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self.root = root
        self.limits = limits or Limits(max_running=2)
        self.world = World()
        self.servers = 0
        self.data = root / "0"
        self.data.mkdir()
        self.manager = self._open()
        self._make_resources()

    def _open(self) -> JobManager:
        self.executor = ScriptedExecutor(self.world, self.data / "jobs")
        manager = JobManager(
            SqliteJournal(self.data / "journal.db"),
            self.executor,
            PLUGINS,
            limits=self.limits,
            address_file=self.data / "server.url",
            owners=OneOwner(),
        )
        manager.open()
        manager.serve_at("http://127.0.0.1:1")
        return manager

    def _make_resources(self) -> None:
        """Two nodes of four cores in place of this machine's."""
        resources = self.manager.resources
        ids = list(resources.table.ids)
        resources.set_state(ADMIN, ids, ResourceState.DEAD)
        resources.remove(ADMIN, ids)
        if "core" not in resources.properties.by_name:
            resources.add_property(ADMIN, "core", PropertyType.INTEGER)
        made = [
            {"network_address": f"node{1 + n // 4}", "core": n + 1, "cpuset": n % 4}
            for n in range(CORES)
        ]
        self.cores = [one.id for one in resources.add(ADMIN, made)]

    def crash(self, between: Callable[[], None] = lambda: None) -> None:
        """The files as they are, as after kill -9; ``between`` happens with no server there."""
        self.executor.die()
        self.servers += 1
        after = self.root / str(self.servers)
        after.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(self.data / name, after / name)
        self.world.listener = None
        self.manager.close()
        self.data = after
        between()
        self.manager = self._open()

    def new(
        self, request: str = "/core=1", *, run: bool = True, where: str = "", **batch: Any
    ) -> NewJob:
        properties = self.manager.resources.properties
        requests = tuple(parse_request(text, properties) for text in request.split(" | "))
        if where:
            batch |= {"properties": where, "filter": parse_filter(where, properties)}
        return NewJob(plugin="p", run=run, batch=Batch(requests=requests, **batch))

    def submit(self, request: str = "/core=1", *, caller: Caller = ME, **batch: Any) -> int:
        return self.manager.create(caller, self.new(request, **batch))[0].id

    def job(self, job_id: int) -> Job:
        return self.manager.job(job_id)

    def state(self, job_id: int) -> State:
        return self.job(job_id).state

    def process(self, job_id: int) -> Process:
        return self.world.processes[job_id]

    def begin(self, *job_ids: int) -> None:
        """Have launched jobs run, and wait until the manager knows."""
        for job_id in job_ids:
            self.world.begin(job_id)
            self.until(job_id, State.RUNNING)

    def end(self, job_id: int, how: str = "returned") -> Job:
        self.world.end(job_id, an_end(how))
        return self.until(job_id, State.TERMINATED, State.ERROR)

    def until(self, job_id: int, *states: State) -> Job:
        eventually(lambda: self.state(job_id) in states, lambda: f"{job_id}: {self.job(job_id)}")
        return self.job(job_id)

    def launched(self, *job_ids: int) -> None:
        for job_id in job_ids:
            self.until(job_id, State.LAUNCHING)
            eventually(lambda job_id=job_id: job_id in self.world.processes, lambda: "no launch")  # type: ignore[misc]  # a default keeps the loop's value


def eventually(
    true: Callable[[], bool], state: Callable[[], str] = str, within_s: float = 5.0
) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"still not so: {state()}"
        time.sleep(0.0005)

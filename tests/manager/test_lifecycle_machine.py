"""A walk through the lifecycle: any commands, ends and crashes, in any order."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from hoplite.api.owners import OneOwner
from hoplite.exceptions import (
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobEndedError,
    JobNotEndedError,
    JobNotStartedError,
    WrongApiKeyError,
)
from hoplite.journal.store import SqliteJournal
from hoplite.manager.job_manager import JobManager
from hoplite.manager.limits import Limits
from hoplite.manager.requests import NewJob
from hoplite.model.caller import Caller, Role
from hoplite.model.job import Job
from hoplite.model.lifecycle import ENDED, TRANSITIONS, Outcome, State
from hoplite.model.timeline import OF_ADMINISTRATION, OF_RESOURCES, Happening
from hoplite.plugins.source import FixedSource, Plugin
from tests.manager.scripted import ScriptedExecutor, World, an_end

PLACES = 2
ME = Caller("me", Role.USER, "process")
PLUGINS = FixedSource({"p": Plugin(name="p", entry_point="p", package="a package", version="1")})
ENDS = ["returned", "raised", "exited", "signalled", "lost", "timed out"]


def reachable() -> dict[State, set[State]]:
    """The states that the table allows some time after each."""
    steps: dict[State, set[State]] = {state: {state} for state in State}
    for (state, _), after in TRANSITIONS.items():
        steps[state].add(after)
    for _ in State:
        for found in steps.values():
            found |= {later for state in list(found) for later in steps[state]}
    return steps


REACHABLE = reachable()


class LifecycleMachine(RuleBasedStateMachine):
    """Drives a manager over a real journal and an engine without processes."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        # Durability is proved elsewhere; in memory a walk costs no waiting for disks.
        memory = Path("/dev/shm")
        self.root = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.world = World()
        self.seen: dict[int, Job] = {}
        self.ends_told: dict[int, str] = {}
        self.killed: set[int] = set()
        self.servers = 0
        self.data = self.root / "0"
        self.data.mkdir()
        self.manager = self._open()

    def _open(self) -> JobManager:
        manager = JobManager(
            SqliteJournal(self.data / "journal.db"),
            ScriptedExecutor(self.world, self.data / "jobs"),
            PLUGINS,
            limits=Limits(max_running=PLACES),
            address_file=self.data / "server.url",
            owners=OneOwner(),
        )
        manager.open()
        manager.serve_at("http://127.0.0.1:1")
        return manager

    def teardown(self) -> None:
        self.manager.close()
        shutil.rmtree(self.root)

    @rule(target=jobs, run=st.booleans())
    def create(self, run: bool) -> int:
        job, replayed = self.manager.create(ME, NewJob(plugin="p", run=run, timeout_s=60))
        assert not replayed and job.id not in self.seen
        self.seen[job.id] = job
        return job.id

    @rule(job_id=jobs)
    def start(self, job_id: int) -> None:
        before = self.manager.job(job_id)
        try:
            assert self.manager.start(ME, str(job_id)).state is not State.HOLD
        except JobAlreadyStartedError:
            assert before.state is not State.HOLD
        else:
            assert before.state is State.HOLD

    @rule(job_id=jobs)
    def kill(self, job_id: int) -> None:
        before = self.manager.job(job_id)
        try:
            after = self.manager.kill(ME, before.uuid)
        except JobNotStartedError:
            assert before.state is State.HOLD
            return
        if before.ended:
            assert after == before
            return
        assert after.killed
        self.killed.add(job_id)
        process = self.world.processes.get(job_id)
        assert (process is None) == (before.state is State.WAITING)
        assert process is None or process.asked_to_end

    @rule(job_id=jobs, n=st.integers(0, 99))
    def status(self, job_id: int, n: int) -> None:
        process = self.world.processes.get(job_id)
        text = msgspec.Raw(msgspec.json.encode({"n": n, "progress": {"done": n, "total": 99}}))
        try:
            taken = self.manager.set_status(str(job_id), process.key if process else "no key", text)
        except WrongApiKeyError:
            assert process is None
        except JobEndedError:
            assert process is not None and self.manager.job(job_id).ended
        else:
            assert process is not None and self.manager.job(job_id).status == text
            assert taken.version > self.seen[job_id].version

    @rule(job_id=jobs)
    def begin(self, job_id: int) -> None:
        process = self.world.processes.get(job_id)
        if process is not None and process.ordered:
            self.world.begin(job_id)

    @rule(job_id=jobs, how=st.sampled_from(ENDS))
    def end(self, job_id: int, how: str) -> None:
        process = self.world.processes.get(job_id)
        if process is not None and process.lives:
            self.ends_told[job_id] = how
            self.world.end(job_id, an_end(how))

    @rule(job_id=jobs)
    def fail_to_begin(self, job_id: int) -> None:
        process = self.world.processes.get(job_id)
        if process is not None and process.ordered:
            self.ends_told[job_id] = "unmade"
            self.world.end(job_id, an_end("unmade"))

    @rule(target=jobs, job_id=consumes(jobs))
    def forget(self, job_id: int) -> Any:
        job = self.manager.job(job_id)
        try:
            self.manager.forget(ME, str(job_id))
        except JobNotEndedError:
            assert not job.ended and job.state is not State.HOLD
            return job_id
        assert job.ended or job.state is State.HOLD
        del self.seen[job_id]
        try:
            self.manager.job(job_id)
        except JobDoesNotExistError:
            return multiple()
        raise AssertionError("a forgotten job is still there")

    @rule(begin=st.booleans(), end=st.sampled_from([None, *ENDS]))
    def crash(self, begin: bool, end: str | None) -> None:
        """The files as they are, as after kill -9; jobs begin and end with nobody there."""
        self.servers += 1
        after = self.root / str(self.servers)
        after.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(self.data / name, after / name)
        self.world.listener = None
        self.manager.close()
        self.data = after
        for job_id, process in list(self.world.processes.items()):
            if process.ordered and begin:
                self.world.begin(job_id)
            if process.lives and end is not None:
                self.ends_told[job_id] = end
                self.world.end(job_id, an_end(end))
        self.manager = self._open()

    @invariant()
    def all_news_arrive_and_nobody_waits_beside_a_free_place(self) -> None:
        """Each end is told; waiting jobs are launched while there are places, and no further."""
        _until(self._settled, self._state)
        places = self.manager.launcher.places
        states = [live.job.state for live in self.manager.table.live]
        assert places.holding <= PLACES
        assert places.holding == sum(live.job.running for live in self.manager.table.live)
        assert places.waiting == states.count(State.WAITING)

    def _settled(self) -> bool:
        for job_id, process in list(self.world.processes.items()):
            state = self.manager.job(job_id).state
            if process.ended is not None and state not in ENDED:
                return False
            if process.lives and state is not State.RUNNING:
                return False
        places = self.manager.launcher.places
        held = sum(live.job.running for live in self.manager.table.live)
        return places.holding == held and (not places.waiting or held == PLACES)

    def _state(self) -> str:
        places = self.manager.launcher.places
        jobs = {live.job.id: live.job.state.value for live in self.manager.table.live}
        return f"{jobs}, {places.holding} hold places, {places.waiting} wait"

    @invariant()
    def memory_is_what_the_journal_has(self) -> None:
        journal = self.manager.table.journal
        live = {live.job.id: live.job for live in self.manager.table.live}
        assert live == {job.id: job for job in journal.live_jobs()}
        assert all(not job.ended for job in live.values())
        assert sum(journal.counts().values()) == len(self.seen)

    @invariant()
    def jobs_move_as_the_table_allows(self) -> None:
        for job_id, before in self.seen.items():
            now = self.manager.job(job_id)
            assert now.state in REACHABLE[before.state], (before, now)
            assert now.version >= before.version
            assert now == before or now.version > before.version
            assert not before.ended or now == before
            self.seen[job_id] = now

    @invariant()
    def ends_are_true(self) -> None:
        for job_id, job in self.seen.items():
            if not job.ended:
                assert job.outcome is None
                continue
            how = self.ends_told.get(job_id)
            if how is None:
                assert job.outcome is Outcome.CANCELLED and job_id in self.killed
            elif how == "returned":
                assert job.outcome is Outcome.SUCCEEDED
            elif how == "timed out":
                assert job.outcome is Outcome.TIMED_OUT
            elif job_id in self.killed and how != "unmade":
                assert job.outcome is Outcome.KILLED
            else:
                assert job.outcome is (Outcome.LOST if how == "lost" else Outcome.FAILED)

    @invariant()
    def the_timeline_tells_each_end_once(self) -> None:
        told = self.manager.table.journal.entries(after=0, job_id=None, limit=10_000)
        assert [e.seq for e in told] == sorted({e.seq for e in told})
        entries = [e for e in told if e.job_id in self.seen]
        others = {e.what for e in told if e.job_id not in self.seen}
        assert others <= {Happening.FORGOTTEN, *OF_RESOURCES, *OF_ADMINISTRATION}
        ends = Counter(e.job_id for e in entries if e.what is Happening.ENDED)
        assert ends == Counter(job_id for job_id, job in self.seen.items() if job.ended)
        last: dict[int, int] = {}
        for each in entries:
            assert each.version >= last.get(each.job_id, 0)
            last[each.job_id] = each.version
        assert last == {job_id: job.version for job_id, job in self.seen.items()}


def _until(true: Callable[[], bool], state: Callable[[], str], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"still not settled: {state()}"
        time.sleep(0.0005)


TestLifecycle = LifecycleMachine.TestCase
TestLifecycle.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

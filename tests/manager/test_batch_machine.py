"""A walk through the queue: any commands, ends, failing resources and crashes, in any order."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from hoplite.exceptions import (
    InvalidFieldError,
    JobEndedError,
    NotEnoughResourcesError,
    WrongJobStateError,
)
from hoplite.model.job import Job
from hoplite.model.lifecycle import ENDED, Outcome, State
from hoplite.model.resource import ResourceState
from hoplite.model.timeline import Happening
from hoplite.model.walltime_change import read_walltime_change
from hoplite.scheduling.decisions import Reason
from tests.manager.batch_world import ADMIN, CORES, BatchWorld, eventually
from tests.manager.scripted import an_end
from tests.manager.test_lifecycle_machine import REACHABLE

HOLDS = frozenset({State.LAUNCHING, State.RUNNING, State.FINISHING})
REQUESTS = [
    "/core=1,walltime=1:0:0",
    "/core=3,walltime=0:30:0",
    "/core=8,walltime=2:0:0",
    "/network_address=1,walltime=1:0:0",
    "/network_address=2/core=1,walltime=0:20:0",
    "/core=6,walltime=1:0:0 | /core=2,walltime=2:0:0",
]
BESTEFFORT = ("besteffort", "idempotent")


class BatchMachine(RuleBasedStateMachine):
    """Drives a manager over a real journal and an engine without processes."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.root = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.batch = BatchWorld(self.root)
        self.seen: dict[int, Job] = {}

    def teardown(self) -> None:
        self.batch.manager.close()
        shutil.rmtree(self.root)

    @rule(target=jobs, request=st.sampled_from(REQUESTS), besteffort=st.booleans())
    def submit(self, request: str, besteffort: bool) -> int:
        types = BESTEFFORT if besteffort else ()
        queue = "besteffort" if besteffort else "default"
        try:
            return self.batch.submit(request, types=types, queue=queue)
        except NotEnoughResourcesError:
            dead = [
                resource
                for resource in self.batch.manager.resources.table
                if resource.state is ResourceState.DEAD
            ]
            assert dead
            return 0

    @rule(target=jobs, other=jobs, success_only=st.booleans())
    def submit_after(self, other: int, success_only: bool) -> int:
        return self.batch.submit(after=(other,) if other else (), success_only=success_only)

    @rule(
        job_id=jobs,
        command=st.sampled_from(["hold", "release", "suspend", "resume", "checkpoint", "kill"]),
    )
    def command(self, job_id: int, command: str) -> None:
        if not job_id:
            return
        manager = self.batch.manager
        before = self.batch.job(job_id)
        if command == "kill":
            after = manager.delete(ADMIN, str(job_id))
            assert after.killed or before.ended
            return
        try:
            getattr(manager.batch, command)(ADMIN, str(job_id))
        except WrongJobStateError:
            assert not before.ended
        except JobEndedError:
            assert before.ended

    @rule(
        job_id=jobs,
        text=st.sampled_from(["+0:30:0", "-0:10:0", "1:0:0", "+5:0:0"]),
        delay=st.booleans(),
    )
    def change_walltime(self, job_id: int, text: str, delay: bool) -> None:
        if not job_id:
            return
        before, ask = self.batch.job(job_id), read_walltime_change(text)
        change = self.batch.manager.batch.change_walltime
        try:
            after = change(ADMIN, str(job_id), ask, delay_next_jobs=delay)
        except WrongJobStateError:
            assert not before.ended
        except JobEndedError:
            assert before.ended
        except InvalidFieldError:
            assert before.walltime_s is not None
            assert ask.after(before.walltime_s) <= 0
        else:
            made = after.granted.walltime_change
            assert made is not None
            assert after.walltime_s == made.first_s + made.granted_s

    @rule(job_id=jobs, how=st.sampled_from(["returned", "exited", "signalled"]))
    def end(self, job_id: int, how: str) -> None:
        process = self.batch.world.processes.get(job_id)
        if process is not None and process.lives:
            self.batch.world.end(job_id, an_end(how))

    @rule()
    def begin_all(self) -> None:
        for job_id, process in list(self.batch.world.processes.items()):
            if process.ordered:
                self.batch.world.begin(job_id)

    @rule(
        which=st.integers(0, CORES - 1),
        state=st.sampled_from([ResourceState.ALIVE, ResourceState.ABSENT, ResourceState.DEAD]),
    )
    def change_resource(self, which: int, state: ResourceState) -> None:
        self.batch.manager.resources.set_state(ADMIN, [self.batch.cores[which]], state)

    @rule(begin=st.booleans())
    def crash(self, begin: bool) -> None:
        self.batch.crash(self.begin_all if begin else lambda: None)

    @invariant()
    def all_that_can_start_is_started(self) -> None:
        """Every waiting job has a place or a reason, and none of them is that it could start."""
        eventually(self._settled, self._state)

    def _settled(self) -> bool:
        manager = self.batch.manager
        if manager.queue.plan.wants_turn or not manager.queue.plan.settled_down:
            return False
        for job_id, process in list(self.batch.world.processes.items()):
            job = self.batch.job(job_id)
            if process.ended is not None and job.state not in ENDED:
                return False
            if process.lives and job.state is State.LAUNCHING:
                return False
            if process.lives and process.stopped != (
                job.state in (State.SUSPENDED, State.RESUMING)
            ):
                return False
        for live in manager.table.live:
            if live.job.state in (State.WAITING, State.RESUMING):
                why = manager.batch.why(live.job.id)
                if why is None:
                    return False
                due = why.predicted is not None and why.predicted <= time.time()
                if due and not why.jobs:
                    return False
                if why.reason is Reason.IMPOSSIBLE and self._is_hopeless(live.job):
                    return False
                if why.reason is Reason.PREEMPTION and not all(
                    self.batch.job(other).kill_by for other in why.jobs
                ):
                    return False
        return not any(self._on_dead(live.job) for live in manager.table.live)

    def _is_hopeless(self, job: Job) -> bool:
        """Whether it is to be cancelled: its request is not what is impossible."""
        assert job.batch is not None
        return job.batch.success_only and bool(self.batch.manager.resources.table.possible)

    def _on_dead(self, job: Job) -> bool:
        table = self.batch.manager.resources.table
        return (
            job.running
            and job.kill_by is None
            and any(table.resource(one).state is ResourceState.DEAD for one in job.assigned)
        )

    def _state(self) -> str:
        lives = sorted(self.batch.manager.table.live, key=lambda live: live.job.id)
        told = [
            (live.job.id, live.job.state.value, live.job.assigned, live.job.kill_by)
            for live in lives
        ]
        whys = {live.job.id: self.batch.manager.batch.why(live.job.id) for live in lives}
        return f"{told} {whys}"

    @invariant()
    def no_resource_is_held_twice(self) -> None:
        table = self.batch.manager.table
        # All at one moment: a job that ends hands its resources to the next.
        with table.locked({live.job.id for live in table.live}) as lives:
            jobs = [live.job for live in lives.values()]
        held = Counter(one for job in jobs if job.state in HOLDS for one in job.assigned)
        assert all(times == 1 for times in held.values()), jobs

    @invariant()
    def jobs_move_as_the_table_allows_and_start_once(self) -> None:
        journal = self.batch.manager.table.journal
        told = journal.entries(after=0, job_id=None, limit=100_000)
        starts = Counter(entry.job_id for entry in told if entry.what is Happening.STARTED)
        ends = Counter(entry.job_id for entry in told if entry.what is Happening.ENDED)
        assert all(times == 1 for times in (*starts.values(), *ends.values()))
        for job_id in {entry.job_id for entry in told if entry.job_id}:
            now = self.batch.job(job_id)
            before = self.seen.get(job_id, now)
            assert now.state in REACHABLE[before.state], (before, now)
            assert now.version >= before.version
            assert now.ended == (job_id in ends)
            self.seen[job_id] = now

    @invariant()
    def memory_is_what_the_journal_has(self) -> None:
        table = self.batch.manager.table
        kept: dict[int, Job] = {}

        def same_jobs() -> bool:
            nonlocal kept
            kept = {job.id: job for job in table.journal.live_jobs()}
            return kept.keys() == {live.job.id for live in table.live}

        # A queue that works on changes jobs with their locks held, the journal first.
        eventually(same_jobs, self._state)
        with table.locked(kept) as lives:
            kept = {job.id: job for job in table.journal.live_jobs()}
            for job_id, live in lives.items():
                assert live.job.ended or live.job == kept[job_id]

    @invariant()
    def each_job_runs_again_at_most_once(self) -> None:
        again = Counter(
            job.batch.resubmit_of
            for job in self.seen.values()
            if job.batch is not None and job.batch.resubmit_of is not None
        )
        for job_id, times in again.items():
            first = self.seen[job_id]
            assert times == 1
            assert first.outcome is Outcome.KILLED
            assert first.granted.resubmitted_as in self.seen


TestBatchQueue = BatchMachine.TestCase
TestBatchQueue.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

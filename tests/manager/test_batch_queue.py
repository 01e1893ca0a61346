"""The queue of jobs that ask for resources: what starts when, and what becomes of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from hoplite.exceptions import (
    IdempotencyConflictError,
    InvalidFieldError,
    JobEndedError,
    NotAuthorizedError,
    NotEnoughResourcesError,
    ReservationRefusedError,
    StorageFullError,
    WrongJobStateError,
)
from hoplite.execution.protocol import Ended
from hoplite.journal.protocol import Change, JobChanged
from hoplite.manager import successors
from hoplite.manager.limits import Limits
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.resource import ResourceState
from hoplite.model.timeline import Happening
from hoplite.scheduling.decisions import Reason
from tests.manager.batch_world import ADMIN, ME, OTHER, BatchWorld, eventually
from tests.manager.scripted import an_end


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    made = BatchWorld(tmp_path)
    yield made
    made.manager.close()


def happenings(world: BatchWorld, job_id: int) -> list[Happening]:
    entries = world.manager.table.journal.entries(after=0, job_id=job_id, limit=1000)
    return [entry.what for entry in entries]


def test_a_job_that_fits_is_launched_before_its_submission_returns(world: BatchWorld) -> None:
    job = world.job(world.submit("/core=3,walltime=0:10:0"))
    assert job.state is State.LAUNCHING
    assert job.assigned == tuple(world.cores[:3])
    assert job.walltime_s == 600
    assert world.process(job.id).spec.timeout_s == 600


def test_a_job_that_does_not_fit_is_started_by_the_end_that_makes_room(world: BatchWorld) -> None:
    first, second = world.submit("/core=5"), world.submit("/core=5")
    assert world.state(second) is State.WAITING
    why = world.manager.batch.why(second)
    assert why is not None
    assert (why.reason, why.jobs, why.free_now) == (Reason.RESOURCES, (first,), 3)
    world.begin(first)
    ended_at = time.monotonic()
    world.end(first)
    world.launched(second)
    assert time.monotonic() - ended_at < 1
    assert world.job(first).assigned == tuple(world.cores[:5])


def test_a_small_job_overtakes_one_that_waits_only_if_it_delays_nobody(world: BatchWorld) -> None:
    world.submit("/core=6,walltime=1:0:0")
    wide = world.submit("/core=8,walltime=1:0:0")
    short = world.submit("/core=2,walltime=0:30:0")
    long = world.submit("/core=2,walltime=3:0:0")
    assert [world.state(job) for job in (wide, short, long)] == [
        State.WAITING,
        State.LAUNCHING,
        State.WAITING,
    ]
    planned = world.manager.batch.predictions()
    assert planned[wide].end <= planned[long].start


def test_jobs_without_a_request_take_places_and_no_resources(world: BatchWorld) -> None:
    world.submit("/core=8")
    new = msgspec.structs.replace(world.new(), batch=None)
    plain = [world.manager.create(ME, new)[0] for _ in range(3)]
    states = [job.state for job in plain]
    assert states == [State.LAUNCHING, State.LAUNCHING, State.WAITING]
    assert plain[0].assigned == ()


def test_filters_hierarchies_and_moldable_requests_choose_resources(world: BatchWorld) -> None:
    node2 = world.submit("/core=1", where="network_address = 'node2'")
    assert world.job(node2).assigned == (world.cores[4],)
    whole = world.submit("/network_address=1")
    assert world.job(whole).assigned == tuple(world.cores[:4])
    moldable = world.submit("/core=8,walltime=1:0:0 | /core=2,walltime=1:0:0")
    assert world.job(moldable).granted.alternative == 1
    assert len(world.job(moldable).assigned) == 2


def test_a_job_finds_its_nodes_and_variables(world: BatchWorld) -> None:
    job_id = world.submit(
        "/network_address=2/core=1,walltime=1:0:1",
        name="my name",
        project="p",
        launching_directory="/tmp",
        stdout="OAR.%jobname%.%jobid%.stdout",
    )
    spec = world.process(job_id).spec
    assert spec.files["nodes"] == "node1\nnode2\n"
    assert "network_address = 'node1'" in spec.files["resource_properties"]
    assert spec.env["OAR_NODEFILE"].endswith(f"{job_id}/nodes")
    assert spec.env["OAR_JOB_ID"] == spec.env["OAR_ARRAY_ID"] == str(job_id)
    assert (spec.env["OAR_JOB_WALLTIME"], spec.env["OAR_JOB_WALLTIME_SECONDS"]) == ("1:0:1", "3601")
    assert spec.stdout == spec.env["OAR_STDOUT"] == f"OAR.my name.{job_id}.stdout"
    assert (spec.workdir, spec.env["OAR_WORKDIR"]) == ("/tmp", "/tmp")


def test_what_can_never_run_is_refused(world: BatchWorld) -> None:
    with pytest.raises(NotEnoughResourcesError):
        world.submit("/core=9")
    with pytest.raises(NotEnoughResourcesError):
        world.submit("/core=5", where="network_address = 'node2'")
    with pytest.raises(InvalidFieldError, match="queue 'express'"):
        world.submit(queue="express")
    with pytest.raises(InvalidFieldError, match="'fast' is not a type"):
        world.submit(types=("fast",))
    with pytest.raises(InvalidFieldError, match="no job 77"):
        world.submit(after=(77,))
    with pytest.raises(InvalidFieldError, match="no container"):
        world.submit(types=("inner=1",))
    assert world.manager.running() == []


def test_a_job_on_hold_starts_when_it_is_released(world: BatchWorld) -> None:
    job_id = world.submit(hold=True)
    assert world.state(job_id) is State.HOLD
    assert world.manager.batch.release(ME, str(job_id)).state is State.LAUNCHING


def test_a_waiting_job_is_held_and_others_take_its_turn(world: BatchWorld) -> None:
    first = world.submit("/core=8")
    second, third = world.submit("/core=8"), world.submit("/core=8")
    held = world.manager.batch.hold(ME, str(second))
    assert (held.state, held.reason) == (State.HOLD, "on hold, by me")
    world.begin(first)
    world.end(first)
    world.launched(third)
    assert world.manager.batch.release(ME, str(second)).state is State.WAITING
    assert happenings(world, second) == ["created", "queued", "held", "queued"]


def test_a_waiting_job_is_deleted_and_the_next_has_its_place(world: BatchWorld) -> None:
    world.submit("/core=7")
    second, third = world.submit("/core=8"), world.submit("/core=1,walltime=9:0:0")
    assert world.state(third) is State.WAITING
    deleted = world.manager.delete(ME, str(second))
    assert (deleted.state, deleted.outcome) == (State.ERROR, Outcome.CANCELLED)
    world.launched(third)


def test_a_job_on_hold_is_deleted(world: BatchWorld) -> None:
    assert world.manager.delete(ME, str(world.submit(hold=True))).outcome is Outcome.CANCELLED


def test_a_suspended_job_lends_its_resources_and_gets_the_same_back(world: BatchWorld) -> None:
    first = world.submit("/core=8,walltime=1:0:0")
    second = world.submit("/core=8")
    world.begin(first)
    suspended = world.manager.batch.suspend(ADMIN, str(first))
    assert suspended.state is State.SUSPENDED
    process = world.process(first)
    assert (process.stopped, process.extra_s) == (True, None)
    world.launched(second)
    assert world.manager.batch.resume(ADMIN, str(first)).state is State.RESUMING
    assert process.stopped
    world.begin(second)
    world.end(second)
    resumed = world.until(first, State.RUNNING)
    eventually(lambda: not process.stopped)
    assert resumed.granted.suspended_s > 0
    assert process.extra_s == resumed.granted.suspended_s
    assert resumed.assigned == tuple(world.cores)
    assert world.end(first).outcome is Outcome.SUCCEEDED
    assert happenings(world, first)[-4:] == ["suspended", "resuming", "resumed", "ended"]


def test_a_suspended_job_is_killed(world: BatchWorld) -> None:
    job_id = world.submit()
    world.begin(job_id)
    world.manager.batch.suspend(ADMIN, str(job_id))
    world.manager.kill(ME, str(job_id))
    assert world.process(job_id).asked_to_end
    assert world.end(job_id, "signalled").outcome is Outcome.KILLED


def test_signals_and_checkpoints_reach_running_jobs_only(world: BatchWorld) -> None:
    job_id = world.submit(signal=10)
    with pytest.raises(WrongJobStateError, match="is Launching: only a job that is Running"):
        world.manager.batch.checkpoint(ME, str(job_id))
    world.begin(job_id)
    world.manager.batch.checkpoint(ME, str(job_id))
    world.manager.batch.signal(ME, str(job_id), signal.SIGHUP)
    assert world.process(job_id).signals == [10, signal.SIGHUP]
    with pytest.raises(InvalidFieldError):
        world.manager.batch.signal(ME, str(job_id), 65)
    world.end(job_id)
    with pytest.raises(JobEndedError):
        world.manager.batch.signal(ME, str(job_id), signal.SIGHUP)


def test_the_checkpoint_signal_comes_before_the_end_of_the_walltime(world: BatchWorld) -> None:
    job_id = world.submit("/core=1,walltime=0:0:10", checkpoint_s=9.8)
    world.begin(job_id)
    eventually(lambda: world.process(job_id).signals == [signal.SIGUSR2])
    assert Happening.CHECKPOINT_REQUESTED in happenings(world, job_id)


@pytest.mark.parametrize("command", ["hold", "release", "suspend", "resume", "checkpoint"])
def test_nobody_commands_the_jobs_of_others(world: BatchWorld, command: str) -> None:
    job_id = world.submit()
    world.begin(job_id)
    call: Callable[..., object] = getattr(world.manager.batch, command)
    with pytest.raises(NotAuthorizedError, match="belongs to me"):
        call(OTHER, str(job_id))


def test_only_administrators_suspend_unless_the_setting_says_so(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path, Limits(users_may_suspend=True))
    job_id = world.submit()
    world.begin(job_id)
    assert world.manager.batch.suspend(ME, str(job_id)).state is State.SUSPENDED
    world.manager.close()


def test_owners_do_not_suspend_by_default(world: BatchWorld) -> None:
    job_id = world.submit()
    world.begin(job_id)
    with pytest.raises(NotAuthorizedError, match="only administrators suspend"):
        world.manager.batch.suspend(ME, str(job_id))


@pytest.mark.parametrize(
    ("command", "wanted"),
    [("hold", "Waiting"), ("release", "Hold"), ("resume", "Hold or Suspended")],
)
def test_what_the_state_does_not_allow_is_refused_in_words(
    world: BatchWorld, command: str, wanted: str
) -> None:
    job_id = world.submit()
    world.begin(job_id)
    call: Callable[..., object] = getattr(world.manager.batch, command)
    with pytest.raises(WrongJobStateError, match=f"job {job_id} is Running: only .* is {wanted}"):
        call(ADMIN, str(job_id))


def test_a_job_waits_for_those_it_comes_after(world: BatchWorld) -> None:
    plain = world.manager.create(ME, msgspec.structs.replace(world.new(), batch=None))[0]
    first = world.submit()
    second = world.submit(after=(first, plain.id))
    assert world.state(second) is State.WAITING
    why = world.manager.batch.why(second)
    assert why is not None
    assert (why.reason, why.jobs) == (Reason.DEPENDENCY, (plain.id, first))
    world.begin(first, plain.id)
    world.end(first, "exited")
    assert world.state(second) is State.WAITING
    world.end(plain.id)
    world.launched(second)


def test_a_job_that_needs_the_success_of_another_is_cancelled_without_it(world: BatchWorld) -> None:
    first = world.submit()
    second = world.submit(after=(first,), success_only=True)
    third = world.submit(after=(second,), success_only=True)
    world.begin(first)
    world.end(first, "exited")
    ended = world.until(second, State.ERROR)
    assert (ended.outcome, ended.kill_by) == (Outcome.CANCELLED, "server")
    assert ended.reason == "cancelled: a job that it comes after did not succeed"
    assert world.until(third, State.ERROR).outcome is Outcome.CANCELLED
    late = world.submit(after=(first,), success_only=True)
    assert world.until(late, State.ERROR).outcome is Outcome.CANCELLED
    world.launched(world.submit(after=(first,)))


def test_besteffort_jobs_make_room_and_idempotent_ones_run_again(world: BatchWorld) -> None:
    filler = world.submit("/core=8", types=("besteffort", "idempotent"), queue="besteffort")
    world.begin(filler)
    follower = world.submit(after=(filler,), queue="admin", caller=ADMIN)
    normal = world.submit("/core=8,walltime=0:30:0")
    assert world.state(normal) is State.WAITING
    eventually(lambda: world.process(filler).asked_to_end)
    ended = world.end(filler, "signalled")
    assert ended.outcome is Outcome.KILLED
    assert ended.reason is not None
    assert f"job {normal} needs its place" in ended.reason
    world.launched(normal)
    again = world.job(ended.granted.resubmitted_as or 0)
    assert again.state is State.WAITING
    assert again.batch is not None
    assert (again.batch.resubmit_of, again.batch.array_id) == (filler, filler)
    why = world.manager.batch.why(follower)
    assert why is not None
    assert (why.reason, why.jobs) == (Reason.DEPENDENCY, (again.id,))


def test_an_idempotent_job_that_exits_with_99_after_a_minute_runs_again(world: BatchWorld) -> None:
    job_id = world.submit(types=("idempotent",))
    world.begin(job_id)
    world.world.end(job_id, Ended(exit_code=99, at=time.time() + 61))
    ended = world.until(job_id, State.TERMINATED)
    world.launched(ended.granted.resubmitted_as or 0)


def test_a_killed_idempotent_job_does_not_run_again(world: BatchWorld) -> None:
    job_id = world.submit(types=("idempotent",))
    world.begin(job_id)
    world.manager.kill(ME, str(job_id))
    assert world.end(job_id, "signalled").granted.resubmitted_as is None


def test_a_job_that_makes_room_does_not_run_again_once_its_owner_wants_it_to_end(
    world: BatchWorld,
) -> None:
    filler = world.submit("/core=8", queue="besteffort", types=("besteffort", "idempotent"))
    world.begin(filler)
    normal = world.submit("/core=8")
    eventually(lambda: world.job(filler).kill_by is not None)
    before = world.job(filler).kill_at
    killed = world.manager.kill(ME, str(filler))
    assert (killed.kill_by, killed.kill_at) == ("me", before)
    ended = world.end(filler, "signalled")
    assert (ended.outcome, ended.granted.resubmitted_as) == (Outcome.KILLED, None)
    assert ended.reason == "killed by me with SIGKILL (9)"
    world.launched(normal)


def test_the_jobs_of_a_dead_resource_are_ended(world: BatchWorld) -> None:
    job_id = world.submit("/core=2")
    world.begin(job_id)
    lost = world.cores[1]
    world.manager.resources.set_state(ADMIN, [lost], ResourceState.DEAD)
    eventually(lambda: world.process(job_id).asked_to_end)
    ended = world.end(job_id, "signalled")
    assert ended.outcome is Outcome.KILLED
    assert ended.reason == f"ended by the server, as resource {lost} is Dead"
    assert lost not in world.job(world.submit("/core=7")).assigned


def test_absent_resources_start_nothing_until_they_are_back(world: BatchWorld) -> None:
    absent = world.cores[:1]
    world.manager.resources.set_state(ADMIN, absent, ResourceState.ABSENT)
    job_id = world.submit("/core=8")
    assert world.state(job_id) is State.WAITING
    world.manager.resources.set_state(ADMIN, absent, ResourceState.ALIVE)
    world.launched(job_id)


def test_new_resources_start_what_waits(world: BatchWorld) -> None:
    world.submit("/core=8")
    job_id = world.submit("/core=1")
    world.manager.resources.add(ADMIN, [{"network_address": "node3", "core": 9}])
    world.launched(job_id)


def test_jobs_on_a_resource_are_known(world: BatchWorld) -> None:
    job_id = world.submit("/core=2")
    on = world.manager.resources.jobs_on
    assert [job.id for job in on(world.cores[:1])] == [job_id]
    assert on(world.cores[2:]) == []


def test_a_reservation_starts_at_its_date_and_others_keep_out_of_its_way(world: BatchWorld) -> None:
    start = time.time() + 0.3
    reserved = world.submit("/core=8,walltime=0:1:0", starts_at=start)
    job = world.job(reserved)
    assert (job.state, job.assigned) == (State.WAITING, tuple(world.cores))
    other = world.submit("/core=1")
    assert world.state(other) is State.WAITING
    with pytest.raises(ReservationRefusedError, match="but are from"):
        world.submit("/core=1,walltime=0:0:30", starts_at=start + 10)
    with pytest.raises(InvalidFieldError, match="has passed"):
        world.submit(starts_at=start - 100)
    launched = world.until(reserved, State.LAUNCHING)
    assert time.time() >= start
    assert launched.walltime_s is not None
    assert 59 < launched.walltime_s <= 60


def test_an_array_has_consecutive_ids_and_is_kept_whole_or_not_at_all(world: BatchWorld) -> None:
    jobs, _ = world.manager.create_array(ME, [world.new("/core=3")] * 3)
    ids = [job.id for job in jobs]
    assert ids == list(range(ids[0], ids[0] + 3))
    assert [job.batch and (job.batch.array_id, job.batch.array_index) for job in jobs] == [
        (ids[0], 1),
        (ids[0], 2),
        (ids[0], 3),
    ]
    assert [world.state(job_id) for job_id in ids].count(State.WAITING) == 1
    assert [job.id for job in world.manager.table.journal.array(ids[0])] == ids


def test_a_job_that_has_ended_is_submitted_again(world: BatchWorld) -> None:
    job_id = world.submit(name="n")
    with pytest.raises(WrongJobStateError, match="it is Launching"):
        world.manager.batch.resubmit(ME, str(job_id))
    world.begin(job_id)
    world.end(job_id)
    again = world.manager.batch.resubmit(ME, str(job_id))
    assert again.state is State.LAUNCHING
    assert again.batch is not None
    assert (again.batch.name, again.batch.resubmit_of) == ("n", job_id)


def test_containers_and_timesharing(world: BatchWorld) -> None:
    outer = world.submit("/core=4,walltime=1:0:0", types=("container",))
    inner = world.submit("/core=2,walltime=0:10:0", types=(f"inner={outer}",))
    assert set(world.job(inner).assigned) < set(world.job(outer).assigned)
    shared = [world.submit("/core=4", types=("timesharing=user,*",)) for _ in range(2)]
    assert world.job(shared[0]).assigned == world.job(shared[1]).assigned == tuple(world.cores[4:])


def test_a_dry_run_tells_the_place_and_keeps_nothing(world: BatchWorld) -> None:
    world.submit("/core=8,walltime=1:0:0")
    _, placed = world.manager.batch.dry_run(ME, [world.new("/core=2")])
    assert placed is not None
    assert placed.placement.start > time.time() + 3000
    assert placed.resources == tuple(world.cores[:2])
    with pytest.raises(NotEnoughResourcesError):
        world.manager.batch.dry_run(ME, [world.new("/core=9")])
    assert len(world.manager.batch.predictions()) == 0


def test_the_walltime_is_named_at_the_end(world: BatchWorld) -> None:
    job_id = world.submit("/core=1,walltime=0:0:2")
    world.begin(job_id)
    ended = world.end(job_id, "timed out")
    assert (ended.outcome, ended.reason) == (
        Outcome.TIMED_OUT,
        "it ran longer than its walltime of 2 s",
    )


def test_a_key_makes_one_job(world: BatchWorld) -> None:
    first, _ = world.manager.create(ME, world.new(), "key")
    again, replayed = world.manager.create(ME, world.new(), "key")
    assert replayed
    assert again.id == first.id


def test_a_key_answers_its_own_jobs_though_they_were_resubmitted(world: BatchWorld) -> None:
    new = world.new("/core=1")
    ids = [job.id for job in world.manager.create_array(ME, [new, new], "key")[0]]
    world.begin(*ids)
    world.end(ids[0])
    again, replayed = world.manager.resubmit(ME, str(ids[0]), "another key")
    assert not replayed
    found, replayed = world.manager.create_array(ME, [new, new], "key")
    assert replayed
    assert [job.id for job in found] == ids
    found_again, replayed = world.manager.resubmit(ME, str(ids[0]), "another key")
    assert replayed
    assert found_again.id == again.id
    with pytest.raises(IdempotencyConflictError):
        world.manager.resubmit(ME, str(ids[0]), "key")


def test_forgotten_jobs_leave_nothing(world: BatchWorld) -> None:
    job_id = world.submit()
    world.begin(job_id)
    world.end(job_id)
    world.manager.forget(ME, str(job_id))
    assert world.manager.table.journal.array(job_id) == []


def test_those_that_wait_for_a_job_wait_for_the_one_in_its_place(world: BatchWorld) -> None:
    """Resubmitted by its owner; also those on hold, and after a crash."""
    first = world.submit("/core=1")
    world.begin(first)
    filler = world.submit("/core=7")
    waiting = world.submit("/core=8", after=(first,))
    held = world.submit("/core=1", after=(first,), hold=True)
    world.end(first)
    again = world.manager.batch.resubmit(ME, str(first))
    assert world.job(first).granted.resubmitted_as == again.id
    world.launched(again.id)
    world.begin(again.id, filler)
    world.end(filler)
    for _ in range(2):
        assert world.manager.batch.release(ME, str(held)).state is State.WAITING
        why = world.manager.batch.why(held)
        assert why is not None
        assert (why.reason, why.jobs) == (Reason.DEPENDENCY, (again.id,))
        assert world.state(waiting) is State.WAITING
        world.manager.batch.hold(ME, str(held))
        world.crash()
    world.end(again.id)
    world.launched(waiting)


def test_a_resubmission_repoints_once(world: BatchWorld) -> None:
    first = world.submit("/core=1")
    world.begin(first)
    world.end(first)
    again, once_more = (world.manager.batch.resubmit(ME, str(first)) for _ in range(2))
    assert again.id != once_more.id
    assert world.job(first).granted.resubmitted_as == again.id
    assert Happening.RESUBMITTED in happenings(world, first)


def test_jobs_are_ended_though_the_disk_is_full(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them may be what fills it; why they were ended is written down with their ends."""
    jobs = [world.submit("/core=4", types=("besteffort",), queue="besteffort") for _ in range(2)]
    world.begin(*jobs)
    wide = world.submit("/core=8", hold=True)
    journal = world.manager.table.journal
    commit, full = journal.commit, True

    def refuse(*changes: Change) -> None:
        asked = any(isinstance(one, JobChanged) and one.job.id in jobs for one in changes)
        if full and asked:
            raise StorageFullError("no space left on device")
        commit(*changes)

    monkeypatch.setattr(journal, "commit", refuse)
    world.manager.batch.release(ME, str(wide))
    eventually(lambda: all(world.process(job_id).asked_to_end for job_id in jobs))
    full = False
    for job_id in jobs:
        ended = world.end(job_id, "signalled")
        assert (ended.outcome, ended.kill_by) == (Outcome.KILLED, "server")
        assert (ended.reason or "").startswith("besteffort: ended by the scheduler")
    world.launched(wide)


def test_a_defect_in_a_succession_does_not_hide_the_end(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = world.submit("/core=8", types=("idempotent",))
    world.begin(job_id)

    def broken(_job: Job) -> bool:
        raise ValueError("a defect")

    monkeypatch.setattr(successors, "_runs_again", broken)
    assert world.end(job_id).outcome is Outcome.SUCCEEDED


def test_a_job_whose_process_has_just_ended_is_not_said_to_be_fit_for_a_signal(
    world: BatchWorld,
) -> None:
    job_id = world.submit()
    world.launched(job_id)
    world.begin(job_id)
    world.process(job_id).ended = an_end("returned")
    with pytest.raises(WrongJobStateError, match="its process is ending or has just ended"):
        world.manager.batch.signal(ME, str(job_id), 10)

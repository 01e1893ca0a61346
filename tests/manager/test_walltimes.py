"""The walltime of a running job is changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hoplite.exceptions import (
    InvalidFieldError,
    JobDoesNotExistError,
    JobEndedError,
    MethodNotAllowedError,
    NotAuthorizedError,
    WrongJobStateError,
)
from hoplite.manager.limits import Limits
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.resource import ResourceState
from hoplite.model.timeline import Happening
from hoplite.model.walltime_change import WalltimeChange, change_text, read_walltime_change
from tests.manager.batch_world import ADMIN, ME, OTHER, BatchWorld, eventually

HOUR = 3600.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    made = BatchWorld(tmp_path)
    yield made
    made.manager.close()


def running(world: BatchWorld, request: str = "/core=8,walltime=1:0:0", **batch: Any) -> int:
    job_id = world.submit(request, **batch)
    world.begin(job_id)
    return job_id


def change(world: BatchWorld, job_id: int, text: str, caller: Caller = ME, **flags: bool) -> Job:
    ask = read_walltime_change(text)
    return world.manager.batch.change_walltime(caller, str(job_id), ask, **flags)


def changed(job: Job) -> WalltimeChange:
    assert job.granted.walltime_change is not None
    return job.granted.walltime_change


def test_a_walltime_with_room_behind_it_is_lengthened_and_shortened_at_once(
    world: BatchWorld,
) -> None:
    job_id = running(world)
    job = change(world, job_id, "+0:10:0")
    assert (job.walltime_s, job.state) == (4200.0, State.RUNNING)
    assert changed(job) == WalltimeChange(first_s=HOUR, granted_s=600.0)
    assert world.process(job_id).extra_s == 600.0
    job = change(world, job_id, "-0:30:0")
    assert (job.walltime_s, changed(job).granted_s) == (2400.0, -1200.0)
    assert world.process(job_id).extra_s == -1200.0
    assert change(world, job_id, "2:0:0").walltime_s == 7200.0
    assert world.process(job_id).extra_s == HOUR


def test_it_is_told_in_the_timeline(world: BatchWorld) -> None:
    job_id = running(world)
    change(world, job_id, "+0:10:0", ADMIN, force=True)
    entries = world.manager.table.journal.entries(after=0, job_id=job_id, limit=100)
    (told,) = [one for one in entries if one.what is Happening.WALLTIME_CHANGED]
    assert told.who == ADMIN.name
    assert told.detail is not None
    assert msgspec.json.decode(told.detail) == {
        "from_s": 3600.0,
        "to_s": 4200.0,
        "granted_s": 600.0,
        "pending_s": 0.0,
        "force": True,
        "delay_next_jobs": False,
    }


def test_it_is_lengthened_up_to_who_is_planned_behind_it_and_further_when_there_is_room(
    world: BatchWorld,
) -> None:
    job_id = running(world, "/core=6,walltime=1:0:0")
    short = running(world, "/core=2,walltime=0:30:0")
    behind = world.submit("/core=8,walltime=1:0:0")
    planned = world.manager.batch.predictions()[behind].start
    job = change(world, job_id, "+0:10:0")
    assert (job.walltime_s, changed(job).pending_s, changed(job).granted_s) == (HOUR, 600.0, 0.0)
    more = change(world, short, "+1:0:0")
    assert 5395.0 < (more.walltime_s or 0) + changed(more).pending_s <= 5400.0
    assert (more.walltime_s or 0) <= planned - (more.started_at or 0) < (more.walltime_s or 0) + 2
    assert world.manager.batch.predictions()[behind].start == planned
    world.manager.delete(ME, str(behind))
    assert world.job(job_id).walltime_s == 4200.0
    assert changed(world.job(job_id)).pending_s == 0.0
    assert world.job(short).walltime_s == 5400.0
    assert world.process(job_id).extra_s == 600.0


def test_a_new_request_replaces_what_is_pending(world: BatchWorld) -> None:
    job_id = running(world)
    world.submit("/core=8,walltime=1:0:0")
    assert changed(change(world, job_id, "+0:10:0")).pending_s == 600.0
    assert changed(change(world, job_id, "+0:5:0")).pending_s == 300.0
    assert changed(change(world, job_id, "1:0:0")).pending_s == 0.0


def test_others_wait_longer_only_for_those_who_may_make_them(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path)
    job_id = running(world)
    behind = world.submit("/core=8,walltime=1:0:0")
    reserved = world.submit("/core=8,walltime=1:0:0", starts_at=time.time() + 4 * HOUR)
    with pytest.raises(NotAuthorizedError, match="not allowed to delay other jobs"):
        change(world, job_id, "+0:10:0", delay_next_jobs=True)
    before = world.manager.batch.predictions()
    job = change(world, job_id, "+0:10:0", ADMIN, delay_next_jobs=True)
    assert (job.walltime_s, changed(job).granted_with_delay_next_jobs_s) == (4200.0, 600.0)
    after = world.manager.batch.predictions()
    assert after[behind].start == pytest.approx(before[behind].start + 600.0, abs=2)
    job = change(world, job_id, "+9:0:0", ADMIN, delay_next_jobs=True)
    end = job.walltime_ends_at
    assert end is not None
    assert before[reserved].start - 2 < end <= before[reserved].start
    assert world.manager.batch.predictions()[reserved] == before[reserved]
    assert changed(job).pending_s > 0
    world.manager.close()
    (tmp_path / "users").mkdir()
    world = BatchWorld(tmp_path / "users", Limits(users_may_delay_jobs=True))
    job_id = running(world)
    world.submit("/core=8,walltime=1:0:0")
    assert change(world, job_id, "+0:10:0", delay_next_jobs=True).walltime_s == 4200.0
    world.manager.close()


def test_more_than_users_may_have_is_forced_by_administrators(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path, Limits(walltime_max_increase_s=600.0))
    job_id = running(world)
    change(world, job_id, "+0:5:0")
    with pytest.raises(NotAuthorizedError, match="at most 0:10:0 more"):
        change(world, job_id, "+0:5:1")
    with pytest.raises(NotAuthorizedError, match="not allowed to be forced"):
        change(world, job_id, "+0:5:1", force=True)
    job = change(world, job_id, "+1:0:0", ADMIN, force=True)
    assert (job.walltime_s, changed(job).granted_with_force_s) == (7500.0, 3300.0)
    assert change(world, job_id, "-0:5:0").walltime_s == 7200.0
    world.manager.close()


def test_who_and_what_is_refused(world: BatchWorld) -> None:
    job_id = running(world)
    waiting = world.submit("/core=8")
    with pytest.raises(NotAuthorizedError, match="belongs to me"):
        change(world, job_id, "+0:1:0", OTHER)
    with pytest.raises(JobDoesNotExistError):
        change(world, 999999, "+0:1:0")
    with pytest.raises(WrongJobStateError, match="is Waiting"):
        change(world, waiting, "+0:1:0")
    with pytest.raises(InvalidFieldError, match="delete the job"):
        change(world, job_id, "-1:0:0")
    for text in ("", "+", "soon", "1:2:3:4", "+-1", "1:0:0 "[:-1] + "x", "-0:0:0"):
        with pytest.raises(InvalidFieldError, match="walltime"):
            change(world, job_id, text)
    world.end(job_id)
    with pytest.raises(JobEndedError):
        change(world, job_id, "+0:1:0")


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path, Limits(walltime_change=False))
    job_id = running(world)
    with pytest.raises(MethodNotAllowedError, match="Not available"):
        change(world, job_id, "+0:1:0", ADMIN)
    world.manager.close()


def test_a_crash_keeps_walltimes_and_what_is_pending(world: BatchWorld) -> None:
    """Also when the server died before its engine knew."""
    job_id = running(world, "/core=4,walltime=1:0:0")
    change(world, job_id, "+0:10:0")
    behind = world.submit("/core=8,walltime=1:0:0")
    change(world, job_id, "+0:10:0")
    before = world.manager.batch.predictions()
    world.process(job_id).extra_s = 0.0
    world.crash()
    job = world.job(job_id)
    assert (job.walltime_s, changed(job).pending_s) == (4200.0, 600.0)
    assert world.process(job_id).extra_s == 600.0
    assert world.manager.batch.predictions() == before
    world.manager.delete(ME, str(behind))
    assert world.job(job_id).walltime_s == 4800.0


def test_a_shorter_walltime_brings_others_forward(world: BatchWorld) -> None:
    job_id = running(world)
    behind = world.submit("/core=8")
    change(world, job_id, "0:30:0")
    due = (world.job(job_id).started_at or 0) + 1800
    eventually(
        lambda: abs(world.manager.batch.predictions()[behind].start - due) < 2,
        lambda: str(world.manager.batch.why(behind)),
    )


def test_a_timeout_that_is_shorter_bounds_the_clock(world: BatchWorld) -> None:
    new = msgspec.structs.replace(world.new("/core=1,walltime=1:0:0"), timeout_s=1800.0)
    job_id = world.manager.create(ME, new)[0].id
    world.begin(job_id)
    change(world, job_id, "+1:0:0")
    assert world.process(job_id).extra_s == 0.0
    change(world, job_id, "0:10:0")
    assert world.process(job_id).extra_s == -1200.0


def test_a_suspended_jobs_clock_keeps_its_new_walltime(world: BatchWorld) -> None:
    job_id = running(world)
    change(world, job_id, "+0:10:0")
    batch = world.manager.batch
    batch.suspend(ADMIN, str(job_id))
    with pytest.raises(WrongJobStateError, match="Suspended"):
        change(world, job_id, "+0:10:0")
    assert world.process(job_id).extra_s is None
    assert batch.resume(ADMIN, str(job_id)).state is State.RUNNING
    extra_s = world.process(job_id).extra_s
    assert extra_s is not None
    assert 600.0 <= extra_s < 602.0
    job = change(world, job_id, "+0:10:0")
    assert job.walltime_s == 4800.0


def test_the_walltimes_stay_when_the_plan_is_made_anew(world: BatchWorld) -> None:
    job_id = running(world, "/core=4,walltime=1:0:0")
    change(world, job_id, "+1:0:0")
    behind = world.submit("/core=8")
    resources = world.manager.resources
    resources.set_state(ADMIN, [world.cores[7]], ResourceState.ABSENT)
    resources.set_state(ADMIN, [world.cores[7]], ResourceState.ALIVE)
    due = (world.job(job_id).started_at or 0) + 7200
    assert world.manager.batch.predictions()[behind].start == pytest.approx(due, abs=2)


def test_a_container_is_not_shortened_under_those_in_it(world: BatchWorld) -> None:
    outer = running(world, "/core=4,walltime=2:0:0", types=("container",))
    inner = running(world, "/core=2,walltime=1:0:0", types=(f"inner={outer}",))
    with pytest.raises(WrongJobStateError, match=f"job {inner} runs in it"):
        change(world, outer, "1:30:0")
    assert change(world, inner, "9:0:0").walltime_s == pytest.approx(7200, abs=3)
    assert change(world, outer, "3:0:0").walltime_s == 3 * HOUR
    eventually(lambda: (world.job(inner).walltime_s or 0) > 10790, lambda: str(world.job(inner)))


def test_a_checkpoint_is_asked_for_again_before_the_new_end(world: BatchWorld) -> None:
    job_id = running(world, checkpoint_s=3599.5)
    signals = world.process(job_id).signals
    eventually(lambda: signals == [12])
    change(world, job_id, "+0:0:1")
    eventually(lambda: signals == [12, 12])


def test_changes_are_written_as_oar_does() -> None:
    assert [change_text(s) for s in (600.0, -300.0, 0.0)] == ["+0:10:0", "-0:5:0", "0:0:0"]

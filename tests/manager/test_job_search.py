"""Jobs found by what they are: live and ended ones together, in the order of their ids."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import msgspec
import pytest

from hoplite.manager.job_search import IN_QUEUE, Wanted
from hoplite.model.caller import Caller, Role
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.model.oar_state import oar_state
from tests.manager.batch_world import ADMIN, ME, OTHER, BatchWorld

HOUR = 3600.0


class Scene(msgspec.Struct):
    world: BatchWorld
    ids: list[int]

    def jobs(self) -> list[Job]:
        return [self.world.job(job_id) for job_id in self.ids]

    def found(self, offset: int = 0, limit: int | None = None, **wanted: object) -> list[int]:
        search = self.world.manager.search
        page = search.find(Wanted(**wanted), offset=offset, limit=limit)  # type: ignore[arg-type]  # any of its fields
        return [job.id for job in page.jobs]

    def total(self, offset: int = 0, limit: int | None = None, **wanted: object) -> int:
        search = self.world.manager.search
        return search.find(Wanted(**wanted), offset=offset, limit=limit).total  # type: ignore[arg-type]  # any of its fields


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Ended jobs and held ones by turns, then one that runs, a suspended one and one that waits."""
    world = BatchWorld(tmp_path_factory.mktemp("search"))
    ids = []
    for n in range(6):
        ended = world.submit("/core=1", caller=ME if n % 2 else OTHER)
        world.launched(ended)
        world.begin(ended)
        world.end(ended, ["returned", "exited", "unmade"][n % 3] if n % 3 < 2 else "lost")
        ids += [ended, world.submit("/core=1", hold=True)]
    running = world.submit("/core=2,walltime=2:00:00")
    suspended = world.submit("/core=1,walltime=0:01:00")
    for job_id in (running, suspended):
        world.launched(job_id)
        world.begin(job_id)
    world.manager.batch.suspend(ADMIN, str(suspended))
    waiting = world.submit("/core=8,walltime=1:00:00")
    ids += [running, suspended, waiting]
    yield Scene(world, ids)
    world.manager.close()


@pytest.mark.parametrize(
    "states",
    [None, IN_QUEUE, frozenset({"Terminated"}), frozenset({"Terminated", "Hold"}), frozenset({"Error"})],
)  # fmt: skip
def test_pages_of_live_and_ended_jobs_follow_one_another(
    scene: Scene, states: frozenset[str] | None
) -> None:
    expected = [job.id for job in scene.jobs() if states is None or oar_state(job) in states]
    for offset, limit in itertools.product(range(len(expected) + 2), (None, 1, 2, 3, 7, 100)):
        end = None if limit is None else offset + limit
        assert scene.found(offset, limit, states=states) == expected[offset:end]
        assert scene.total(offset, limit, states=states) == len(expected)


def test_all_that_is_asked_must_be_so(scene: Scene) -> None:
    ids = frozenset(scene.ids[:4])
    mine = [job.id for job in scene.jobs() if job.owner == ME.name]
    assert scene.found(owner=ME.name) == mine
    assert scene.found(owner=ME.name, ids=ids) == [each for each in mine if each in ids]
    assert scene.found(ids=frozenset()) == []
    assert scene.found(ids=frozenset({10**17})) == []
    assert scene.found(owner=Caller("nobody", Role.USER, "process").name) == []


def test_what_runs_then_is_told_by_walltimes_and_plans(scene: Scene) -> None:
    *_, running, suspended, waiting = scene.ids
    now = time.time()
    live = [job.id for job in scene.jobs() if not job.ended]
    held = [job.id for job in scene.jobs() if job.state is State.HOLD]
    # The suspended one can go on at any time; the one that waits is planned for two hours later.
    assert scene.found(since=now + 1.5 * HOUR) == [running, suspended, waiting]
    assert scene.found(since=now + 2.5 * HOUR) == [suspended, waiting]
    assert scene.found(since=now + 3.5 * HOUR) == [suspended]
    assert waiting not in scene.found(until=now + HOUR)
    assert waiting in scene.found(until=now + 2.5 * HOUR)
    assert set(held) <= set(scene.found(until=now))
    assert scene.found(since=now - HOUR) == scene.ids
    assert scene.found(until=now - HOUR) == []
    assert scene.found(since=now - HOUR, states=IN_QUEUE) == live


def test_a_plan_that_begins_later_counts_by_its_beginning(scene: Scene) -> None:
    waiting = scene.ids[-1]
    place = scene.world.manager.batch.prediction(waiting)
    assert place is not None
    assert scene.found(since=place.end - 1, until=place.start + 1, ids=frozenset({waiting})) == [
        waiting
    ]
    assert scene.found(until=place.start, ids=frozenset({waiting})) == []


def test_an_array_is_found_by_its_id_and_a_lone_job_by_its_own(scene: Scene) -> None:
    world = scene.world
    array = world.manager.create_array(ME, [world.new("/core=1", hold=True)] * 3)[0]
    ids = [job.id for job in array]
    try:
        assert scene.found(array_id=ids[0]) == ids
        assert scene.found(array_id=ids[1]) == []
        assert scene.found(array_id=ids[0], ids=frozenset(ids[1:])) == ids[1:]
        assert scene.found(array_id=scene.ids[0]) == [scene.ids[0]]
    finally:
        for each in ids:
            world.manager.delete(ME, str(each))
            world.manager.forget(ME, str(each))

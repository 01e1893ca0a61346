"""What is refused at submission, and jobs whose types give them a life of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hoplite.api.why import why as told_why
from hoplite.exceptions import InvalidFieldError, NotAuthorizedError, NotEnoughResourcesError
from hoplite.execution.protocol import Ended
from hoplite.manager.limits import Limits
from hoplite.model.caller import Visibility
from hoplite.model.lifecycle import Outcome, State
from hoplite.model.oar_state import oar_exit_code, oar_state
from hoplite.model.resource import ResourceState
from hoplite.scheduling.decisions import Reason
from tests.manager.batch_world import ADMIN, ME, OTHER, BatchWorld, eventually

SOON_S = 0.4


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    made = BatchWorld(tmp_path)
    yield made
    made.manager.close()


@pytest.fixture
def of_two(tmp_path: Path) -> Iterator[BatchWorld]:
    """Of the two nodes, node1 is this machine."""
    made = BatchWorld(tmp_path, Limits(local_nodes=("node1",)))
    yield made
    made.manager.close()


def date(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def test_jobs_run_on_the_nodes_that_are_this_machine(of_two: BatchWorld) -> None:
    first, second = of_two.submit("/core=4"), of_two.submit("/core=1")
    assert of_two.job(first).assigned == tuple(of_two.cores[:4])
    assert of_two.state(second) is State.WAITING


@pytest.mark.parametrize(
    ("request_", "where"),
    [("/core=5", ""), ("/network_address=2/core=1", ""), ("/core=1", "network_address = 'node2'")],
)
def test_what_only_other_nodes_could_run_is_refused_by_the_name_of_the_setting(
    of_two: BatchWorld, request_: str, where: str
) -> None:
    with pytest.raises(NotEnoughResourcesError, match=r"node2.*setting local_nodes"):
        of_two.submit(request_, where=where)
    with pytest.raises(NotEnoughResourcesError, match="not enough resources"):
        of_two.submit("/core=9")


def test_it_is_told_why_a_job_waits_for_another_machine(tmp_path: Path) -> None:
    """It was taken when its node was thought to be this machine."""
    world = BatchWorld(tmp_path)
    world.submit("/core=8")
    waiting = world.submit("/core=5")
    world.limits = Limits(local_nodes=("node1",))
    world.crash()
    why = world.manager.batch.why(waiting)
    assert why is not None
    assert (why.reason, why.elsewhere) == (Reason.IMPOSSIBLE, ("node2",))
    told = told_why(world.manager, world.job(waiting), ME, Visibility.STATE)
    assert "setting local_nodes" in told.message
    world.manager.close()


def test_a_job_that_runs_on_another_node_is_left_alone(tmp_path: Path) -> None:
    """The setting was another when it was started."""
    world = BatchWorld(tmp_path)
    job_id = world.submit("/core=8")
    world.begin(job_id)
    world.limits = Limits(local_nodes=("node1",))
    world.crash()
    world.manager.resources.set_state(ADMIN, [world.cores[0]], ResourceState.ABSENT)
    waiting = world.submit("/core=1")
    assert world.job(job_id).kill_by is None
    assert world.state(waiting) is State.WAITING
    world.end(job_id)
    world.launched(waiting)
    assert world.job(waiting).assigned == (world.cores[1],)
    world.manager.close()


def test_a_user_has_a_quota_of_waiting_reservations(tmp_path: Path) -> None:
    world = BatchWorld(tmp_path, Limits(max_reservations=2))

    def reserve(**more: Any) -> int:
        return world.submit(starts_at=time.time() + 7200, **more)

    first, _ = reserve(), reserve(hold=True)
    with pytest.raises(NotAuthorizedError, match="at most 2 are allowed at once") as refused:
        reserve()
    assert refused.value.field == "reservation"
    assert world.state(reserve(caller=OTHER)) is State.WAITING
    assert [world.state(reserve(caller=ADMIN)) for _ in range(3)] == [State.WAITING] * 3
    world.manager.delete(ME, str(first))
    assert world.state(reserve()) is State.WAITING
    world.manager.close()


def test_only_administrators_use_the_admin_queue(world: BatchWorld) -> None:
    with pytest.raises(NotAuthorizedError, match="admin queue"):
        world.submit(queue="admin")
    assert world.state(world.submit(queue="admin", caller=ADMIN)) is State.LAUNCHING


def test_a_permissive_job_waits_for_resources_that_are_dead(world: BatchWorld) -> None:
    resources = world.manager.resources
    resources.set_state(ADMIN, world.cores[4:], ResourceState.DEAD)
    with pytest.raises(NotEnoughResourcesError):
        world.submit("/core=6")
    job_id = world.submit("/core=6", types=("state=permissive",))
    assert world.state(job_id) is State.WAITING
    with pytest.raises(NotEnoughResourcesError):
        world.submit("/core=9", types=("state=permissive",))
    resources.set_state(ADMIN, world.cores[4:], ResourceState.ALIVE)
    world.launched(job_id)


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("crash", [False, True])
def test_a_job_that_has_not_started_when_it_expires_is_cancelled(
    world: BatchWorld, hold: bool, crash: bool
) -> None:
    world.submit("/core=8")
    expire = float(int(time.time()) + 2)
    job_id = world.submit("/core=8", types=(f"expire={date(expire)}",), hold=hold)
    if crash:
        world.crash(lambda: time.sleep(max(0.0, expire - time.time())))
    job = world.until(job_id, State.ERROR)
    assert job.outcome is Outcome.CANCELLED
    assert job.reason == f"cancelled: it was to start by {date(expire)}"
    assert expire <= (job.finished_at or 0) < expire + 2


def test_the_successor_of_a_job_expires_as_the_job_would_have(world: BatchWorld) -> None:
    soon = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + 2))
    first = world.submit(
        "/core=8", queue="besteffort", types=("besteffort", "idempotent", f"expire={soon}")
    )
    world.begin(first)
    world.submit("/core=8")
    eventually(lambda: world.process(first).asked_to_end)
    successor = world.end(first, "signalled").granted.resubmitted_as
    assert successor is not None
    assert world.state(successor) is State.WAITING
    assert world.until(successor, State.ERROR).outcome is Outcome.CANCELLED


def test_a_job_that_cannot_end_by_its_deadline_is_refused_or_cancelled(world: BatchWorld) -> None:
    now = time.time()
    deadline = f"deadline={date(float(int(now) + 3602))}"
    with pytest.raises(InvalidFieldError, match="have run for its walltime by"):
        world.submit("/core=1,walltime=2:0:0", types=(deadline,))
    with pytest.raises(InvalidFieldError, match="cannot start before"):
        world.submit(types=(f"expire={date(now + 60)}",), starts_at=now + 3600)
    assert world.state(world.submit("/core=8,walltime=1:0:0", types=(deadline,))) is State.LAUNCHING
    late = world.submit("/core=1,walltime=1:0:0", types=(deadline,))
    job = world.until(late, State.ERROR)
    assert job.reason == f"cancelled: it was to have run for its walltime by {deadline[9:]}"


def test_a_start_that_comes_too_late_is_not_predicted(world: BatchWorld) -> None:
    world.begin(world.submit("/core=8,walltime=1:0:0"))
    in_time = world.submit("/core=1,walltime=0:10:0", types=(f"expire={date(time.time() + 7200)}",))
    late = world.submit("/core=1,walltime=0:10:0", types=(f"expire={date(time.time() + 600)}",))
    batch = world.manager.batch
    assert batch.prediction(in_time) is not None
    assert set(batch.predictions()) == {in_time}
    assert (wait := batch.why(in_time)) is not None
    assert wait.predicted is not None
    assert batch.prediction(late) is None
    assert (wait := batch.why(late)) is not None
    assert wait.predicted is None


def test_the_longer_alternative_of_a_job_is_not_started_past_its_deadline(
    world: BatchWorld,
) -> None:
    filler = world.submit("/core=6")
    world.begin(filler)
    deadline = f"deadline={date(time.time() + 600)}"
    job_id = world.submit("/core=8,walltime=0:5:0 | /core=1,walltime=1:0:0", types=(deadline,))
    job = world.until(job_id, State.ERROR)
    assert job.outcome is Outcome.CANCELLED
    assert (job.reason or "").startswith("cancelled: it was to have run for its walltime")


def test_a_noop_job_holds_its_resources_and_runs_nothing(world: BatchWorld) -> None:
    job_id = world.submit(
        "/core=8,walltime=0:10:0",
        types=("noop",),
        launching_directory="/nowhere",
        stdout="/nowhere/out",
    )
    spec = world.process(job_id).spec
    assert (spec.entry_point, bytes(spec.config)) == ("hoplite.builtin_plugins.noop", b"{}")
    assert (spec.workdir, spec.stdout, spec.timeout_s) == (None, None, 600)
    assert world.state(world.submit("/core=1")) is State.WAITING


def test_a_noop_job_succeeds_at_its_walltime_or_when_it_is_deleted(world: BatchWorld) -> None:
    timed, deleted = (world.submit(types=("noop",)) for _ in range(2))
    world.begin(timed, deleted)
    job = world.end(timed, "timed out")
    assert (oar_state(job), oar_exit_code(job), job.outcome) == (
        "Terminated",
        None,
        Outcome.SUCCEEDED,
    )
    assert job.reason == "its walltime is over"
    world.manager.delete(ME, str(deleted))
    world.world.end(deleted, Ended(signal=15, at=time.time()))
    job = world.until(deleted, State.TERMINATED)
    assert (job.outcome, job.reason, oar_exit_code(job)) == (
        Outcome.SUCCEEDED,
        "deleted by me",
        None,
    )


def test_a_noop_job_that_the_batch_system_ends_is_killed(world: BatchWorld) -> None:
    job_id = world.submit("/core=8", types=("noop",))
    world.begin(job_id)
    world.manager.resources.set_state(ADMIN, [world.cores[0]], ResourceState.DEAD)
    eventually(lambda: world.process(job_id).asked_to_end)
    world.world.end(job_id, Ended(signal=15, at=time.time()))
    job = world.until(job_id, State.ERROR)
    assert job.outcome is Outcome.KILLED

"""The setting ``visibility`` holds in the OAR dialect: what others, and strangers, see of a job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.oar.cluster import Cluster
from tests.server.process import wait_until

ME, OTHER, ADMIN = "kameleon", "alice", "oar"
HIDDEN: dict[str, dict[str, Any]] = {
    "/jobs": {"name": None},
    "/jobs/details": {
        "name": None, "project": None, "command": None, "launching_directory": None,
        "message": None, "initial_request": "", "events": [],
        "stdout_file": None, "stderr_file": None,
    },
    "/jobs/table": {
        "job_name": None, "project": None, "command": None, "launching_directory": None,
        "message": None, "scheduler_info": None, "initial_request": "", "notify": None,
        "stdout_file": None, "stderr_file": None,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, int, int]]:
    """A server, not started, a job of mine that waits for one of another's."""
    server = Cluster(tmp_path_factory.mktemp("visibility") / "data")
    server.start()
    server.make_nodes()
    hers = _submitted(server, OTHER, command="sleep 600", resource="/core=8,walltime=0:10")
    mine = _submitted(server, ME, command="true", name="secret", notify="mail:me@example.org")
    wait_until(lambda: _job(server, hers, ADMIN)["state"] == "Running", "the job of another")
    server.kill_9()
    yield server, mine, hers
    server.close()


@pytest.fixture
def default(jobs: tuple[Cluster, int, int]) -> Iterator[None]:
    """The server runs with what it does unless told otherwise."""
    yield from _running(jobs[0])


@pytest.fixture
def none(jobs: tuple[Cluster, int, int]) -> Iterator[None]:
    """The server runs with ``--visibility none``."""
    yield from _running(jobs[0], "--visibility", "none")


def _running(server: Cluster, *options: str) -> Iterator[None]:
    server.start(*options)
    assert server.url, server.log_text()
    yield
    assert "defect" not in server.log_text()
    server.kill_9()


def _submitted(server: Cluster, by: str, **body: Any) -> int:
    job_id: int = server.told("POST", "/jobs.json", by, json=body)["id"]
    return job_id


def _job(server: Cluster, job_id: int, by: str) -> dict[str, Any]:
    job: dict[str, Any] = server.told("GET", f"/jobs/{job_id}.json", by)
    return job


def _items(server: Cluster, path: str, by: str | None, **query: Any) -> dict[int, dict[str, Any]]:
    answer = server.told("GET", f"{path}.json", by, params=query)
    assert answer["total"] == len(answer["items"])
    return {each["id"]: each for each in answer["items"]}


@pytest.mark.parametrize("path", HIDDEN)
def test_others_see_the_state_and_not_what_the_owner_wrote(
    jobs: tuple[Cluster, int, int], path: str, default: None
) -> None:
    server, mine, _ = jobs
    whole = _items(server, path, ME)[mine]
    for hidden, value in HIDDEN[path].items():
        assert whole[hidden] != value or hidden == "events", hidden
    assert _items(server, path, ADMIN)[mine].keys() == whole.keys()
    for by in (None, OTHER):
        seen = _items(server, path, by)[mine]
        assert {key: seen[key] for key in HIDDEN[path]} == HIDDEN[path]
        known = [
            key for key in whole if key not in (*HIDDEN[path], "links", "uri", "api_timestamp")
        ]
        if path == "/jobs/details":
            known.remove("resources")
            known.remove("nodes")
        assert {key: seen[key] for key in known} == {key: whole[key] for key in known}


def test_one_job_shows_others_no_more_than_the_list(
    jobs: tuple[Cluster, int, int], default: None
) -> None:
    server, mine, _ = jobs
    seen = _job(server, mine, OTHER)
    assert {key: seen[key] for key in HIDDEN["/jobs/details"]} == HIDDEN["/jobs/details"]
    assert seen["state"] == "Waiting" and seen["scheduled_start"]


def test_with_none_others_do_not_know_that_a_job_exists(
    jobs: tuple[Cluster, int, int], none: None
) -> None:
    server, mine, hers = jobs
    for path in HIDDEN:
        assert list(_items(server, path, ADMIN, state="")) == [hers, mine]
        assert list(_items(server, path, ME, state="")) == [mine]
        assert list(_items(server, path, ME, user=ME)) == [mine]
        assert list(_items(server, path, ME, ids=f"{mine}:{hers}")) == [mine]
        assert _items(server, path, ME, user=OTHER) == {}
        assert _items(server, path, None, state="") == {}
    for more in ("", "/details", "/why"):
        assert server.ask("GET", f"/jobs/{mine}{more}.json", OTHER).status_code == 404
    for more in ("/resources", "/nodes"):
        assert _items(server, f"/jobs/{hers}{more}", ME) == {}
        assert server.told("GET", f"/jobs/{hers}{more}.json", OTHER)["total"] > 0
    why = server.told("GET", f"/jobs/{mine}/why.json", ME)
    assert (why["waits_for"], why["jobs"]) == ("resources", [])
    assert "job" not in why["message"]
    core = server.told("GET", f"/jobs/{hers}/resources.json", OTHER)["items"][0]["id"]
    for path in (f"/resources/{core}/jobs", "/resources/nodes/node1/jobs"):
        assert list(_items(server, path, OTHER)) == [hers]
        assert _items(server, path, ME) == _items(server, path, None) == {}
    by_core = server.told("GET", "/resources/core/jobs.json", ME)["items"]
    assert by_core and all(each["jobs"] == [] for each in by_core)

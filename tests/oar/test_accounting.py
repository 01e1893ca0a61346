"""What jobs asked for and used, as ``/accounting`` tells it; the recordings are replayed too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.oar.batch_cluster import BatchCluster
from tests.oar.golden import as_recorded, cases, replay, seen

CASES = {case.name: case for case in cases("accounting")}
ME, OTHER, ADMIN = "kameleon", "alice", "oar"
PROJECTS = ["default", "gold", "goldproj", "p2", "proj1"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchCluster]:
    """One on which kameleon ran a job in each project, and alice one; everybody sees everything."""
    server = BatchCluster(tmp_path_factory.mktemp("accounting") / "data", "--visibility", "full")
    server.begin()
    jobs = [server.submit("true", project=project, resource=TWO) for project in PROJECTS]
    jobs.append(server.submit("true", OTHER))
    for job in jobs:
        server.until(job, "Terminated")
    yield server
    assert "defect" not in server.log_text()
    server.close()


TWO = "/core=2,walltime=0:5:0"


def consumptions(answer: Any) -> dict[str, Any]:
    return {each["project"]: each["consumptions"] for each in answer["items"]}


def test_asked_and_used_are_seconds_times_resources_by_project_and_user(
    server: BatchCluster,
) -> None:
    said = server.told("GET", "/accounting.json", None)
    found = consumptions(said)
    assert [list(found), said["total"], said["offset"]] == [PROJECTS, 5, 0]
    assert found["gold"]["ASKED"] == {ME: "600"}
    assert found["default"]["ASKED"] == {ME: "600", OTHER: "600"}
    assert 0 <= int(found["gold"]["USED"][ME]) < 120
    of_user = consumptions(server.told("GET", f"/accounting/{OTHER}.json", None))
    assert of_user == {
        "default": {"ASKED": {OTHER: "600"}, "USED": {OTHER: of_user["default"]["USED"][OTHER]}}
    }
    assert consumptions(yaml.safe_load(server.ask("GET", "/accounting.yaml").text)) == found
    assert "goldproj" in server.ask("GET", "/accounting.html").text


def test_used_is_the_time_from_start_to_end(server: BatchCluster) -> None:
    job = server.submit("sleep 1.2", project="sleepy", resource="/core=3,walltime=1:0:0")
    assert "sleepy" not in consumptions(server.told("GET", "/accounting.json"))
    server.until(job, "Terminated")
    found = consumptions(server.told("GET", "/accounting.json"))["sleepy"]
    assert found["ASKED"] == {ME: str(3 * 3600)}
    assert 3 <= int(found["USED"][ME]) < 90
    # It is kept when the job is forgotten, and over a restart.
    assert server.request("DELETE", f"/jobs/{job}", auth=(ADMIN, "kameleon")).ok
    server.kill_9()
    server.start("--visibility", "full")
    assert consumptions(server.told("GET", "/accounting.json"))["sleepy"] == found


def test_only_the_days_asked_for_are_counted(server: BatchCluster) -> None:
    now = server.told("GET", "/timezone.json")["api_timestamp"]
    today = f"from={now}&to={now + 1}"
    assert "gold" in consumptions(server.told("GET", f"/accounting.json?{today}"))
    assert server.told("GET", f"/accounting.json?to={now - 2 * 86_400}")["items"] == []
    assert server.told("GET", f"/accounting.json?from={now + 2 * 86_400}")["items"] == []
    answer = server.ask("GET", "/accounting.json?from=abc")
    assert answer.status_code == 400
    assert "from" in answer.json()["message"]


@pytest.mark.parametrize("visibility", ["state", "none"])
def test_others_see_what_they_used_themselves(server: BatchCluster, visibility: str) -> None:
    server.kill_9()
    server.start("--visibility", visibility)
    try:
        assert list(consumptions(server.told("GET", "/accounting.json", OTHER))) == ["default"]
        hers = consumptions(server.told("GET", f"/accounting/{OTHER}.json", OTHER))["default"]
        assert hers["ASKED"] == {OTHER: "600"}
        assert server.ask("GET", f"/accounting/{ME}.json", OTHER).status_code == 403
        assert server.ask("GET", "/accounting.json").status_code == 401
        assert server.ask("GET", f"/accounting/{ME}.json").status_code == 401
        assert set(PROJECTS) <= set(consumptions(server.told("GET", "/accounting.json", ADMIN)))
    finally:
        server.kill_9()
        server.start("--visibility", "full")


@pytest.mark.skipif(not CASES, reason="the recordings of OAR are not part of the source tree")
@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one(server: BatchCluster, name: str) -> None:
    case = CASES[name]
    answer = replay(server, case)
    assert seen(answer, case) == as_recorded(case), answer.text


def test_there_are_recordings_where_there_is_their_folder() -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "golden"
    assert bool(CASES) == (folder / "oar-accounting.jsonl").is_file()

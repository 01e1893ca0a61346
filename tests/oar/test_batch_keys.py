"""Jobs with resources made over the Hoplite dialect: one job, both views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD

SHELL = "hoplite.plugins.shell_command"
ME = ("kameleon", PASSWORD)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    server = Cluster(tmp_path_factory.mktemp("batch-keys") / "data")
    server.start()
    assert server.url, server.log_text()
    server.make_nodes()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


def post(cluster: Cluster, **body: Any) -> tuple[int, dict[str, Any]]:
    full = {"name": SHELL, "config": {"command": "cat $OAR_NODEFILE"}, "run": True, **body}
    answer = cluster.request("POST", "/jobs", auth=ME, json=full)
    return answer.status_code, answer.json()


def test_a_job_with_a_resource_request_is_the_same_in_both_dialects(cluster: Cluster) -> None:
    status, made = post(
        cluster,
        resource="/nodes=2/core=1",
        walltime=90,
        job_name="both",
        project="p",
        types=["idempotent"],
        properties="mem > 1000",
    )
    assert status == 201
    assert (made["queue"], made["types"], made["job_name"]) == ("default", ["idempotent"], "both")
    assert made["resource"] == ["{type = 'default'}/network_address=2/core=1,walltime=0:1:30"]
    job = cluster.request("GET", f"/jobs/{made['id']}?wait=30", auth=ME).json()
    assert (job["outcome"], job["walltime"], len(job["resources"])) == ("succeeded", 90.0, 2)
    assert cluster.request("GET", f"/jobs/{made['id']}/log", auth=ME).text == "node1\nnode2\n"
    seen = cluster.told("GET", f"/jobs/{made['id']}/details.json")
    assert (seen["name"], seen["project"], seen["walltime"]) == ("both", "p", 90)
    assert [each["id"] for each in seen["resources"]] == job["resources"]


def test_a_job_without_such_keys_shows_none(cluster: Cluster) -> None:
    _, made = post(cluster, run=False)
    assert not made.keys() & {"queue", "types", "resource", "resources", "walltime"}


def test_a_job_on_hold_is_started(cluster: Cluster) -> None:
    _, made = post(cluster, resource="/core=1", hold=True)
    assert made["state"] == "Hold"
    started = cluster.request("PUT", f"/jobs/{made['uuid']}/start", auth=ME)
    assert started.status_code == 200
    job = cluster.request("GET", f"/jobs/{made['id']}?wait=30", auth=ME).json()
    assert job["outcome"] == "succeeded"


def test_others_do_not_see_what_the_owner_wrote(cluster: Cluster) -> None:
    _, made = post(cluster, job_name="mine", project="p", properties="mem > 1000")
    others = cluster.request("GET", f"/jobs/{made['id']}", auth=("alice", PASSWORD)).json()
    assert (others["job_name"], others["project"], others["properties"]) == (None, None, None)
    assert others["queue"] == "default"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"resource": "/nosuch=1"}, "resource"),
        ({"resource": "/nodes=9"}, "resource"),
        ({"resource": "/core=1,walltime=1", "walltime": 60}, "walltime"),
        ({"walltime": 0}, "walltime"),
        ({"types": ["nosuch"]}, "types"),
        ({"properties": "mem >"}, "properties"),
        ({"after": [99_999]}, "after"),
        ({"queue": "nosuch"}, "queue"),
        ({"reservation": "tomorrow"}, "reservation"),
        ({"job_name": "a\nb"}, "job_name"),
        ({"stdout": "a:b"}, "stdout"),
        ({"array": 2}, "array"),
    ],
)
def test_what_is_wrong_is_named(cluster: Cluster, wrong: dict[str, Any], field: str) -> None:
    status, said = post(cluster, **wrong)
    assert (status, said["field"]) == (400, field)

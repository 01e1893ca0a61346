"""Clients that nobody here wrote: ruby-rest-client, curl and wget, with the examples of OAR's document."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.oar.batch_cluster import OWNER, BatchCluster
from tests.oar.golden import PASSWORD

_SCRIPT = Path(__file__).with_name("rest_client.rb")

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchCluster]:
    server = BatchCluster(tmp_path_factory.mktemp("clients") / "data").begin()
    yield server
    server.close()


@pytest.fixture
def run(cluster: BatchCluster) -> Run:
    """Runs an example as it stands in the document, with the address of this server for localhost."""

    def at_this_server(line: str) -> str:
        program, *arguments = shlex.split(line)
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        host = urlsplit(cluster.url or "").netloc
        argv = [each.replace("localhost", host) for each in arguments]
        done = subprocess.run(
            [program, *argv], check=False, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return at_this_server


@pytest.fixture(scope="module")
def ruby(cluster: BatchCluster) -> dict[str, Any]:
    """What the script of the document's examples printed, by the step."""
    if (
        shutil.which("ruby") is None
        or subprocess.run(["ruby", "-e", "require 'rest-client'"], check=False).returncode
    ):
        pytest.skip("ruby-rest-client is not installed")
    argv = ["ruby", str(_SCRIPT), f"{cluster.url}/oarapi-priv", OWNER, PASSWORD]
    done = subprocess.run(
        [*argv, str(cluster.home(OWNER))], check=False, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr + done.stdout
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    return {step["step"]: step for step in steps}


def test_rest_client_reads_all_formats(ruby: dict[str, Any]) -> None:
    as_json = ruby["GET /resources.json {}"]["body"]
    assert [each["id"] for each in as_json["items"]] == [
        each["id"] for each in ruby["GET /resources.yaml {}"]["body"]["items"]
    ]
    by_header = next(step for name, step in ruby.items() if name.startswith("GET /resources {"))
    assert by_header["headers"]["content_type"].startswith("text/yaml")
    assert by_header["body"]["total"] == 8
    by_id = ruby["GET /resources.json?structure=oar {}"]["body"]["items"]
    assert sorted(by_id) == sorted(str(each["id"]) for each in as_json["items"])
    assert ruby["GET /resources.json?structure=simple {}"]["body"]["total"] == 8


def test_rest_client_submits_watches_and_deletes(
    cluster: BatchCluster, ruby: dict[str, Any]
) -> None:
    command, script = ruby["submit a command"], ruby["submit a script"]
    assert (command["status"], script["status"]) == (201, 201)
    first, second = command["body"]["id"], script["body"]["id"]
    assert f"OAR_JOB_ID={first}\n" in command["body"]["cmd_output"]
    assert cluster.file(f"OAR.{first}.stdout").read_text("utf-8").startswith("uid=")
    assert cluster.file(f"OAR.{second}.stdout").read_text("utf-8").startswith("Hello world\n")
    assert ruby["running"]["body"]["state"] == "Running"
    assert ruby["its resources"]["body"]["total"] == 4
    killed = ruby["delete by POST"]
    assert (killed["status"], killed["body"]["status"]) == (202, "Delete request registered")
    assert ruby["delete"]["body"]["status"] == "Delete request registered"


def test_rest_client_tells_errors_and_changes_resources(ruby: dict[str, Any]) -> None:
    error = ruby["error"]
    assert (error["status"], error["body"]["code"]) == (404, 404)
    assert error["body"]["title"] == "Job not found"
    assert ruby["add resource"]["body"]["warnings"] == []
    assert ruby["delete resource"]["body"]["status"] == "deleted"


@pytest.mark.parametrize(
    "path",
    [
        "version.yaml",
        "whoami.yaml",
        "timezone.yaml",
        "jobs.yaml?state=Terminated,Running&limit=2&offset=48",
        "jobs/details.yaml",
        "jobs/table.yaml",
        "jobs/547/resources.yaml",
        "resources.yaml",
        "resources/details.yaml",
        "resources/1.yaml",
        "resources/nodes/liza-1.yaml",
    ],
)
def test_wget_gets_the_public_examples(cluster: BatchCluster, run: Run, path: str) -> None:
    ids = [each["id"] for each in cluster.told("GET", "/resources.json")["items"]]
    job_id = cluster.submit("sleep 30")
    there = path.replace("547", str(job_id)).replace("/1.", f"/{ids[0]}.")
    text = run(f"wget -q -O - 'http://localhost/oarapi/{there.replace('liza-1', 'node1')}'")
    cluster.delete(job_id)
    assert isinstance(yaml.safe_load(text), dict)


def test_wget_gets_a_job_by_user_and_password(cluster: BatchCluster, run: Run) -> None:
    job_id = cluster.submit("sleep 30")
    login = f"--user {OWNER} --password {PASSWORD} --auth-no-challenge"
    text = run(f"wget {login} -q -O - http://localhost/oarapi/jobs/{job_id}.yaml")
    cluster.delete(job_id)
    assert yaml.safe_load(text)["id"] == job_id


def test_curl_generates_resources(run: Run) -> None:
    text = run(
        "curl -s -X POST http://oar:kameleon@localhost/oarapi-priv/resources/generate"
        " -H'Content-Type: application/json'"
        """ -d '{"resources":"/nodes=node{2}.test.generate/cpu={2}/core={2}"}'"""
    )
    made = json.loads(text)["items"]
    assert [(each["network_address"], int(each["cpu"]), int(each["core"])) for each in made] == [
        (f"node{1 + n // 4}.test.generate", 1 + n // 2, 1 + n) for n in range(8)
    ]


def test_curl_submits_yaml_with_its_arrays_and_toggles(cluster: BatchCluster, run: Run) -> None:
    """The document's example of an input, but for its type ``timesharing``, which needs whom it
    shares with, and its job key."""
    home = cluster.home(OWNER)
    body = f"""---
stdout: {home}/outfile
command: /usr/bin/id;echo "OK"
resource: /nodes=2/cpu=1
workdir: {home}
type:
- besteffort
- timesharing=user,*
"""
    file = cluster.data_dir.parent / "job.yaml"
    file.write_text(body, "utf-8")
    file.chmod(0o644)
    text = run(
        f"curl -s -X POST http://{OWNER}:{PASSWORD}@localhost/oarapi-priv/jobs.yaml"
        f" -H'Content-Type: text/yaml' --data-binary @{file}"
    )
    job = cluster.until(yaml.safe_load(text)["id"], "Terminated")
    assert job["types"] == ["besteffort", "timesharing=user,*"]
    assert (home / "outfile").read_text("utf-8").splitlines()[-1] == "OK"

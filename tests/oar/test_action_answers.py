"""What is answered to those who act on jobs: rights, states, arrays, and the spellings of one thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hoplite.accounts import AccountStore
from hoplite.api import create_app
from hoplite.data_directory import ACCOUNTS_FILE, prepare
from hoplite.manager.job_manager import JobManager
from hoplite.manager.requests import NewJob
from hoplite.model.batch import Batch
from hoplite.model.caller import Caller, Role, Visibility
from hoplite.model.job import Job
from hoplite.model.lifecycle import State
from hoplite.settings import Settings
from tests.oar.asking import error, login
from tests.oar.golden import PASSWORD
from tests.server.process import wait_until

OWNER, OTHER, ADMIN = "nobody", "daemon", "root"
"""Accounts that every machine has: a server that runs as root runs jobs as their owners."""
ROLES = {OWNER: Role.USER, OTHER: Role.USER, ADMIN: Role.ADMIN}
SHELL = "hoplite.plugins.shell_command"


def make_app(folder: Path, **settings: Any) -> Flask:
    data_dir = folder / "data"
    prepare(data_dir)
    with AccountStore(data_dir / ACCOUNTS_FILE) as accounts:
        for name, role in ROLES.items():
            accounts.add_user(name, role, PASSWORD)
    return create_app(settings=Settings(data_dir=data_dir, auth=("users",), **settings))


class Scene:
    """An app with jobs to act on."""

    def __init__(self, app: Flask) -> None:
        self.client = FlaskClient(app)
        self.manager: JobManager = app.extensions["hoplite"].manager
        self.manager.serve_at("http://127.0.0.1:9")

    def act(self, method: str, path: str, by: str = OWNER, **more: Any) -> TestResponse:
        headers = {"Accept": "application/json", **login(by)}
        return self.client.open("/oarapi-priv" + path, method=method, headers=headers, **more)

    def submitted(self, count: int = 1, *, hold: bool = True, command: str = "true") -> list[Job]:
        """Jobs of :data:`OWNER`, on hold unless they are to run."""
        config = msgspec.Raw(msgspec.json.encode({"command": command}))
        new = NewJob(plugin=SHELL, config=config, run=True, batch=Batch(hold=hold))
        return self.manager.create_array(Caller(OWNER, Role.USER, "users"), [new] * count)[0]

    def running(self) -> Job:
        (job,) = self.submitted(hold=False, command="trap '' USR2; sleep 300 & wait; wait")
        wait_until(lambda: self.job(job).state is State.RUNNING, "the job to run")
        return job

    def ended(self) -> Job:
        (job,) = self.submitted(hold=False)
        return self.manager.wait_for_end(str(job.id), 20)

    def job(self, job: Job) -> Job:
        return self.manager.job(job.id)

    def state(self, job: Job) -> str:
        return self.job(job).state.value


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    app = make_app(tmp_path_factory.mktemp("actions"), kill_grace=0.5, status_retry=0.0)
    made = Scene(app)
    yield made
    made.manager.close(stop_jobs=True)
    app.extensions["hoplite"].close()


def message(answer: TestResponse, status: int = 400, title: str = "Oar error") -> str:
    assert error(answer) == (status, title), answer.text
    return str(answer.json["message"])  # type: ignore[index]  # an error has one


ACTIONS = ["deletions", "checkpoints", "holds", "rholds", "resumptions", "resubmissions"]


@pytest.mark.parametrize("action", ACTIONS)
def test_others_are_refused_and_unknown_jobs_and_arrays_are_not_found(
    scene: Scene, action: str
) -> None:
    first, second = scene.submitted(2)
    assert message(scene.act("POST", f"/jobs/{first.id}/{action}/new", OTHER), 403, "Forbidden")
    said = message(
        scene.act("POST", f"/jobs/array/{first.id}/{action}/new", OTHER), 403, "Forbidden"
    )
    assert f"job {first.id} belongs to {OWNER}" in said
    for path in (f"/jobs/987654/{action}/new", f"/jobs/{action}/987654/new"):
        assert "no job 987654" in message(scene.act("POST", path), 404, "Job not found")
    path = f"/jobs/array/{second.id}/{action}/new"
    said = message(scene.act("POST", path), 404, "Job not found")
    assert said == f"{second.id} is no array, but a job of the array {first.id}"
    assert [scene.state(job) for job in (first, second)] == ["Hold", "Hold"]
    unknown = scene.client.post(f"/oarapi/jobs/{first.id}/{action}/new.json")
    assert error(unknown) == (401, "Permission denied")


@pytest.mark.parametrize("path", ["/jobs/{}/resumptions/new", "/jobs/resumptions/{}/new"])
def test_an_action_has_two_addresses_and_is_done_when_it_is_answered(
    scene: Scene, path: str
) -> None:
    (job,) = scene.submitted(command="sleep 300")
    answer = scene.act("POST", path.format(job.id) + ".json", data=b"ignored")
    assert answer.status_code == 202 and answer.json is not None
    assert answer.json == {
        "id": str(job.id),
        "status": "Resume request registered",
        "cmd_output": f"[{job.id}] Resume request was sent to the OAR server.\n",
        "links": [{"rel": "self", "href": f"/oarapi-priv/jobs/{job.id}"}],
        "api_timestamp": answer.json["api_timestamp"],
    }
    assert scene.state(job) != "Hold"
    assert scene.act("DELETE", f"/jobs/{job.id}").status_code == 202


@pytest.mark.parametrize("key", ["method", "action"])
@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_a_method_is_named_by_either_key_in_any_format(scene: Scene, key: str, verb: str) -> None:
    (job,) = scene.submitted()
    path = f"/jobs/{job.id}.json"
    assert "field" in message(scene.act(verb, path, json={}), 400, "Missing Required Field")
    said = message(scene.act(verb, path, json={key: "frobnicate"}), 400, "Bad query")
    assert said.startswith("Could not understand frobnicate method; it is one of delete, ")
    said = message(scene.act(verb, path, json={key: "hold"}))
    assert said.startswith(f"job {job.id} is Hold: ") and "`resumptions`" in said
    assert scene.act(verb, path, data={key: "delete"}).status_code == 202
    assert scene.state(job) == "Error"


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ({"method": "signal"}, "Missing Required Field"),
        ({"method": "signal", "signal": "USR1"}, "Invalid Field"),
        ({"method": "signal", "signal": 65}, "Invalid Field"),
        ({"method": "signal", "signal": -1}, "Invalid Field"),
        ({"method": "signal", "signal": 1.5}, "Invalid Field"),
        ({"method": ["delete"]}, "Invalid Field"),
        ([], "Bad type"),
    ],
)
def test_a_method_whose_fields_are_not_right_is_refused(
    scene: Scene, body: Any, title: str
) -> None:
    (job,) = scene.submitted()
    assert message(scene.act("PUT", f"/jobs/{job.id}", json=body), 400, title)
    assert scene.state(job) == "Hold"


def test_a_refusal_says_the_state_and_what_would_be_right(scene: Scene) -> None:
    job = scene.running()
    said = message(scene.act("POST", f"/jobs/{job.id}/holds/new"))
    assert said == (
        f"job {job.id} is Running: only a job that is Waiting can be held; `rholds` suspends a "
        "running job"
    )
    said = message(scene.act("POST", f"/jobs/{job.id}/rholds/new"), 403, "Forbidden")
    assert "only administrators" in said and "users_may_suspend" in said
    assert scene.act("POST", f"/jobs/{job.id}/rholds/new", ADMIN).status_code == 202
    assert scene.state(job) == "Suspended"
    for path in ("checkpoints/new", "signals/10"):
        said = message(scene.act("POST", f"/jobs/{job.id}/{path}"))
        assert f"job {job.id} is Suspended" in said and "`resumptions` has it go on first" in said
    assert message(scene.act("POST", f"/jobs/{job.id}/resumptions/new"), 403, "Forbidden")
    assert scene.act("DELETE", f"/jobs/{job.id}").status_code == 202
    ended = scene.manager.wait_for_end(str(job.id), 20)
    assert ended.outcome == "killed"
    said = message(scene.act("DELETE", f"/jobs/{job.id}"), 400, "Oardel error")
    assert said.startswith(f"job {job.id} was already killed, by {OWNER}; ")
    said = message(scene.act("POST", f"/jobs/{job.id}/signals/10"))
    assert said.startswith(f"job {job.id} has ended (killed); `POST /jobs/<id>/resubmissions/new`")


def test_deleting_a_job_that_ended_by_itself_changes_nothing(scene: Scene) -> None:
    job = scene.ended()
    for _ in range(2):
        answer = scene.act("DELETE", f"/jobs/{job.id}.yaml")
        assert answer.status_code == 202
        assert f"id: {job.id}\n" in answer.text and "had ended before (succeeded)" in answer.text
    assert scene.job(job) == job


def test_deletion_says_its_output_by_both_names(scene: Scene) -> None:
    (job,) = scene.submitted()
    answer = scene.act("DELETE", f"/jobs/{job.id}.json").json
    assert answer is not None
    assert answer.keys() == {"id", "status", "cmd_output", "oardel_output", "api_timestamp"}
    assert (
        answer["cmd_output"]
        == answer["oardel_output"]
        == (
            f"Deleting the job = {job.id} ...REGISTERED.\n"
            f"The job(s) [ {job.id} ] will be deleted in the near future.\n"
        )
    )


def test_a_job_that_ended_is_submitted_again_and_no_other(scene: Scene) -> None:
    (held,) = scene.submitted()
    said = message(scene.act("POST", f"/jobs/{held.id}/resubmissions/new"))
    assert said.startswith(f"job {held.id} cannot be resubmitted: it is Hold")
    job = scene.ended()
    answer = scene.act("POST", f"/jobs/{job.id}/resubmissions/new")
    assert answer.status_code == 201 and answer.json is not None
    new = answer.json["id"]
    assert answer.json["links"] == [
        {"rel": "self", "href": f"/oarapi-priv/jobs/{new}"},
        {"rel": "parent", "href": f"/oarapi-priv/jobs/{job.id}"},
    ]
    assert answer.json["cmd_output"] == f"Resubmitting job {job.id}...DONE\nOAR_JOB_ID={new}\n"
    batch = scene.manager.job(new).batch
    assert batch is not None and (batch.resubmit_of, batch.array_id) == (job.id, job.id)


def test_an_action_on_an_array_tells_of_each_job(scene: Scene) -> None:
    jobs = scene.submitted(3, command="sleep 300")
    first, second, third = (job.id for job in jobs)
    scene.act("DELETE", f"/jobs/{third}")
    scene.manager.batch.release(Caller(OWNER, Role.USER, "users"), str(second))
    answer = scene.act("POST", f"/jobs/array/{first}/resumptions/new")
    assert answer.status_code == 202 and answer.json is not None
    assert answer.json["id"] == str(first)
    done, refused = answer.json["cmd_output"].splitlines()
    assert done == f"[{first}] Resume request was sent to the OAR server."
    assert refused.startswith(f"[{second}] job {second} is ") and "can be resumed; it" in refused
    answer = scene.act("POST", f"/jobs/array/{first}/deletions/new")
    assert answer.status_code == 202 and answer.json is not None
    assert answer.json["cmd_output"] == (
        f"Deleting the job = {first} ...REGISTERED.\nDeleting the job = {second} ...REGISTERED.\n"
        f"The job(s) [ {first} {second} ] will be deleted in the near future.\n"
    )
    for job in jobs:
        assert scene.manager.wait_for_end(str(job.id), 20).ended
    said = message(scene.act("POST", f"/jobs/array/{first}/holds/new"))
    assert said == f"all jobs of the array {first} have ended; none can be held"


def test_an_action_that_none_of_an_array_allows_is_refused(scene: Scene) -> None:
    first, second = scene.submitted(2)
    said = message(scene.act("POST", f"/jobs/array/{first.id}/checkpoints/new")).splitlines()
    assert [line.partition("]")[0] for line in said] == [f"[{first.id}", f"[{second.id}"]
    assert all("only a job that is Running can be checkpointed" in line for line in said)


def test_an_array_is_submitted_again_once(scene: Scene) -> None:
    jobs = scene.submitted(2)
    path = f"/jobs/array/{jobs[0].id}/resubmissions/new"
    assert "still live" in message(scene.act("POST", path))
    scene.act("POST", f"/jobs/array/{jobs[0].id}/deletions/new")
    answer = scene.act("POST", path)
    assert answer.status_code == 201 and answer.json is not None
    assert answer.json["cmd_output"].count("...DONE\n") == 2
    for job in scene.manager.arrays.jobs(jobs[0].id):
        scene.act("DELETE", f"/jobs/{job.id}")
        assert scene.manager.wait_for_end(str(job.id), 20).ended
    again = scene.act("POST", path)
    assert again.status_code == 201 and again.json is not None
    # The two new ones have ended too: only they are run again, not the first two once more.
    assert again.json["cmd_output"].count("...DONE\n") == 2


@pytest.mark.parametrize("action", ["holds", "rholds", "checkpoints", "resumptions"])
def test_jobs_without_a_resource_request_can_only_be_deleted(scene: Scene, action: str) -> None:
    owner = Caller(OWNER, Role.USER, "users")
    job, _ = scene.manager.create(
        owner, NewJob(plugin=SHELL, config=msgspec.Raw(b'{"command": "true"}'))
    )
    said = message(scene.act("POST", f"/jobs/{job.id}/{action}/new", ADMIN))
    assert "without a resource request" in said and "`DELETE /jobs/<id>` ends it" in said
    said = message(scene.act("POST", f"/jobs/array/{job.id}/{action}/new"), 404, "Job not found")
    assert said == f"{job.id} is no array, but a job that asks for no resources"
    assert scene.act("DELETE", f"/jobs/{job.id}").status_code == 202
    assert scene.job(job).outcome == "cancelled"


def test_owners_suspend_where_the_setting_lets_them(tmp_path: Path) -> None:
    app = make_app(tmp_path, users_may_suspend=True)
    scene = Scene(app)
    job = scene.running()
    assert scene.act("POST", f"/jobs/{job.id}/rholds/new").status_code == 202
    assert scene.act("POST", f"/jobs/{job.id}/resumptions/new").status_code == 202
    wait_until(lambda: scene.state(job) == "Running", "the job to go on")
    scene.manager.close(stop_jobs=True)
    app.extensions["hoplite"].close()


def test_what_others_may_not_see_they_may_not_find(tmp_path: Path) -> None:
    app = make_app(tmp_path, visibility=Visibility.NONE)
    scene = Scene(app)
    (job,) = scene.submitted()
    for path in (f"/jobs/{job.id}/holds/new", f"/jobs/array/{job.id}/holds/new"):
        assert message(scene.act("POST", path, OTHER), 404, "Job not found")
    assert message(scene.act("DELETE", f"/jobs/{job.id}", OTHER), 404, "Job not found")
    app.extensions["hoplite"].close()

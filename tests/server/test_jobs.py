"""Jobs over HTTP, against a real server process."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import psutil
import pytest

from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until

KEYS = {
    "uuid", "id", "name", "plugin_name", "config", "status", "running", "finished", "killed",
    "state", "outcome", "exit_code", "owner", "created_at", "started_at", "finished_at",
}  # fmt: skip


def test_a_job_is_answered_under_job_and_at_the_top(server: ServerProcess) -> None:
    answer = server.request("POST", "/jobs", json={"name": "golden.noop"})
    assert answer.status_code == 201
    body = answer.json()
    job = body.pop("job")
    assert body == job
    assert job.keys() >= KEYS
    assert answer.headers["Location"] == f"/jobs/{job['uuid']}"
    assert (job["state"], job["running"], job["finished"], job["killed"]) == (
        "Hold", False, False, False,
    )  # fmt: skip
    assert datetime.fromisoformat(job["created_at"]).tzinfo is not None


def test_a_job_is_found_by_uuid_and_by_id(server: ServerProcess) -> None:
    job = server.create("golden.noop")
    assert server.job(job["uuid"]) == server.job(job["id"]) == job


@pytest.mark.parametrize("key", ["run", "running"])
@pytest.mark.parametrize(
    ("value", "starts"),
    [(True, True), ("True", True), ("tRUE", True), (False, False), ("False", False), (None, False)],
)
def test_run_and_running_start_a_job(
    server: ServerProcess, key: str, value: Any, starts: bool
) -> None:
    job = server.create("golden.noop", **{key: value})
    assert job["running"] is starts
    if starts:
        assert server.ended(job["uuid"])["outcome"] == "succeeded"
    else:
        assert server.job(job["uuid"])["state"] == "Hold"


def test_name_wins_over_plugin_name(server: ServerProcess) -> None:
    body = {"name": "golden.noop", "plugin_name": "golden.echo"}
    assert server.request("POST", "/jobs", json=body).json()["name"] == "golden.noop"
    body = {"plugin_name": "golden.echo"}
    assert server.request("POST", "/jobs", json=body).json()["name"] == "golden.echo"


def test_a_started_job_runs_and_reports(server: ServerProcess) -> None:
    job = server.create("golden.echo", {"x": {"y": [1, "two", None, "é"]}})
    assert server.put(f"/jobs/{job['uuid']}/start") == {"uuid": job["uuid"], "started": True}
    ended = server.ended(job["uuid"])
    assert ended["status"] == {"echo": {"x": {"y": [1, "two", None, "é"]}}}
    assert (ended["state"], ended["outcome"], ended["exit_code"]) == ("Terminated", "succeeded", 0)
    assert ended["created_at"] <= ended["started_at"] <= ended["finished_at"]


def test_a_job_is_started_once(server: ServerProcess) -> None:
    job = server.run("golden.noop")
    again = server.request("PUT", f"/jobs/{job['uuid']}/start")
    assert again.status_code == 403
    assert again.json() == {
        "error": f"Job UUID: {job['uuid']} you cannot start a job more than once",
        "code": "job-already-started",
        "exception": "JobAlreadyStartedError",
    }
    server.ended(job["uuid"])
    assert server.request("PUT", f"/jobs/{job['uuid']}/start").status_code == 403


def test_kill_ends_the_whole_tree(server: ServerProcess) -> None:
    job = server.run("golden.spawn_child")
    pids = wait_until(lambda: server.job(job["uuid"])["status"].get("pids"), "the pids")
    assert server.put(f"/jobs/{job['uuid']}/kill") == {"uuid": job["uuid"], "killed": True}
    ended = server.ended(job["uuid"])
    assert (ended["outcome"], ended["killed"], ended["signal"]) == ("killed", True, 15)
    assert ended["owner"] in ended["reason"] and "SIGTERM" in ended["reason"]
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), "the end of the tree")


def test_kill_9_follows_the_grace_time(make_server: MakeServer) -> None:
    server = make_server("--kill-grace", "0.3").start()
    job = server.run("golden.ignore_sigterm")
    wait_until(lambda: server.job(job["uuid"])["status"], "the status")
    server.put(f"/jobs/{job['uuid']}/kill")
    now = server.job(job["uuid"])
    assert now["running"] and now["killed"]
    ended = server.ended(job["uuid"], 5)
    assert (ended["outcome"], ended["signal"]) == ("killed", 9)


def test_a_job_that_was_not_started_is_not_killed(server: ServerProcess) -> None:
    job = server.create("golden.noop")
    answer = server.request("PUT", f"/jobs/{job['uuid']}/kill")
    assert answer.status_code == 403
    assert answer.json()["error"] == f"Job UUID: {job['uuid']} has not been started"
    assert not server.job(job["uuid"])["killed"]


def test_killing_an_ended_job_changes_nothing(server: ServerProcess) -> None:
    job = server.ended(server.run("golden.raise_type_error")["uuid"])
    assert server.put(f"/jobs/{job['uuid']}/kill")["killed"] is True
    assert server.job(job["uuid"]) == job


def test_delete_forgets_an_ended_job_only(server: ServerProcess) -> None:
    job = server.run("golden.sleep")
    alive = server.request("DELETE", f"/jobs/{job['uuid']}")
    assert (alive.status_code, alive.json()["code"]) == (409, "job-not-ended")
    server.put(f"/jobs/{job['uuid']}/kill")
    server.ended(job["uuid"])
    assert server.request("DELETE", f"/jobs/{job['uuid']}").json()["deleted"] is True
    assert server.request("GET", f"/jobs/{job['uuid']}").status_code == 404
    assert server.request("GET", f"/jobs/{job['id']}/log").status_code in (404, 410)
    assert server.request("DELETE", f"/jobs/{job['uuid']}").status_code == 404


def test_deleting_a_job_that_was_never_started_cancels_it(server: ServerProcess) -> None:
    job = server.create("golden.noop")
    after = server.get("/jobs?limit=1")["jobs"][0]["id"]
    assert after == job["id"]
    deleted = server.request("DELETE", f"/jobs/{job['uuid']}")
    assert deleted.json() == {"uuid": job["uuid"], "deleted": True}
    assert server.request("GET", f"/jobs/{job['uuid']}").status_code == 404
    told = server.request("GET", "/events?after=1&follow=0").text
    mine = [line for line in told.splitlines() if job["uuid"] in line]
    assert '"event":"forgotten"' in mine[-1]
    assert f"deleted by {job['owner']}" in mine[-1]


def test_the_status_is_replaced_with_the_key(server: ServerProcess) -> None:
    job = server.run("golden.expose_key")
    uuid = job["uuid"]
    key = wait_until(lambda: server.job(uuid)["status"].get("key"), "the key")
    put = f"/jobs/{uuid}"
    answer = server.put(put, json={"status": {"a": 1}, "api_key": key, "name": "other"})
    assert answer["job"]["status"] == {"a": 1} == answer["status"]
    assert answer["name"] == "golden.expose_key"
    bearer = {"Authorization": f"Bearer {key}"}
    assert server.put(put, json={"status": {"b": 2}}, headers=bearer)["status"] == {"b": 2}
    for wrong in ({"api_key": "wrong"}, {"api_key": ""}, {}, {"api_key": "é"}):
        body = {"status": {"a": "forged"}, **wrong}
        refused = server.request("PUT", put, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong-api-key"), wrong
    for header in ("Basic \xe9\xff", "Bearer", "Bearer ", "\xff"):
        odd = {"Authorization": header.encode("latin-1")}
        refused = server.request("PUT", put, json={"status": {}}, headers=odd)
        assert refused.status_code == 403, header
    bad: Any
    for bad in (None, [], "text", 3):
        refused = server.request("PUT", put, json={"status": bad, "api_key": key})
        assert (refused.status_code, refused.json()["field"]) == (400, "status")
    assert server.job(uuid)["status"] == {"b": 2}
    server.put(f"/jobs/{uuid}/kill")
    server.ended(uuid)
    late = server.request("PUT", put, json={"status": {}, "api_key": key})
    assert (late.status_code, late.json()["code"]) == (403, "job-ended")
    assert "killed" in late.json()["error"]


def test_progress_is_shown_beside_the_status(server: ServerProcess) -> None:
    ended = server.ended(server.run("golden.progress", {"total": 2})["uuid"])
    assert ended["progress"] == {"done": 2, "total": 2, "text": "step 2"}
    assert "progress" not in server.create("golden.noop")


def test_jobs_wait_in_order_for_a_place(make_server: MakeServer) -> None:
    server = make_server("--max-running", "1").start()
    first = server.run("golden.sleep")
    second = server.run("golden.noop")
    third = server.run("golden.noop")
    assert (second["state"], second["running"]) == ("Waiting", False)
    assert second["reason"] == "waits for a place to run"
    assert [job["uuid"] for job in server.get("/jobs/running")["jobs"]] == [first["uuid"]]
    server.put(f"/jobs/{first['uuid']}/kill")
    ends = [server.ended(job["uuid"])["started_at"] for job in (second, third)]
    assert ends == sorted(ends)


def test_a_waiting_job_is_cancelled_by_kill(make_server: MakeServer) -> None:
    server = make_server("--max-running", "1").start()
    server.run("golden.sleep")
    waiting = server.run("golden.noop")
    server.put(f"/jobs/{waiting['uuid']}/kill")
    ended = server.job(waiting["uuid"])
    assert (ended["state"], ended["outcome"], ended["started_at"]) == ("Error", "cancelled", None)


def test_a_job_ends_at_its_timeout(server: ServerProcess) -> None:
    job = server.run("golden.sleep", timeout=0.5)
    ended = server.ended(job["uuid"])
    assert (ended["outcome"], ended["state"]) == ("timed_out", "Error")
    assert ended["status"]["exception"]["type"] == "JobTimedOut"
    assert "0.5 s" in ended["reason"]


def test_env_and_workdir_reach_the_job(server: ServerProcess, tmp_path: Any) -> None:
    tmp_path.chmod(0o755)
    job = server.run("golden.tell_surroundings", env={"COLOUR": "blue"}, workdir=str(tmp_path))
    seen = server.ended(job["uuid"])["status"]
    assert seen["env"]["COLOUR"] == "blue"
    assert seen["cwd"] == str(tmp_path)
    assert seen["session"] and seen["stdin"] == "/dev/null"


def test_a_job_inherits_nothing(server: ServerProcess) -> None:
    seen = server.ended(server.run("golden.tell_surroundings")["uuid"])["status"]
    assert not [name for name in seen["descriptors"] if "socket" in name or ".db" in name]
    assert not [name for name in seen["env"] if "KEY" in name or "TOKEN" in name]
    assert len(seen["descriptors"]) < 8


def test_a_long_poll_answers_at_the_end(server: ServerProcess) -> None:
    job = server.run("golden.sleep", {"seconds": 0.3})
    began = time.monotonic()
    assert server.job(f"{job['uuid']}?wait=20")["finished"]
    assert time.monotonic() - began < 5


def test_a_long_poll_answers_the_job_as_it_is_when_its_time_is_over(server: ServerProcess) -> None:
    job = server.run("golden.sleep")
    assert server.job(f"{job['uuid']}?wait=0.2")["running"]
    server.put(f"/jobs/{job['uuid']}/kill")


def test_a_long_poll_answers_a_change(server: ServerProcess) -> None:
    job = server.create("golden.noop")
    version = job["version"]
    assert server.job(f"{job['uuid']}?wait=0.2&for=change&since={version}")["version"] == version
    server.put(f"/jobs/{job['uuid']}/start")
    changed = server.job(f"{job['uuid']}?wait=20&for=change&since={version}")
    assert changed["version"] > version


def test_an_etag_saves_an_answer(server: ServerProcess) -> None:
    job = server.create("golden.noop")
    tag = server.request("GET", f"/jobs/{job['uuid']}").headers["ETag"]
    same = server.request("GET", f"/jobs/{job['uuid']}", headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    server.put(f"/jobs/{job['uuid']}/start")
    other = server.request("GET", f"/jobs/{job['uuid']}", headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_an_idempotency_key_makes_one_job(server: ServerProcess) -> None:
    body = {"name": "golden.noop", "config": {"a": 1, "b": 2}}
    headers = {"Idempotency-Key": f"key-{time.time_ns()}"}
    first = server.request("POST", "/jobs", json=body, headers=headers)
    assert "Idempotency-Replayed" not in first.headers
    reordered = {"config": {"b": 2, "a": 1}, "name": "golden.noop"}
    again = server.request("POST", "/jobs", json=reordered, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    other = server.request("POST", "/jobs", json={"name": "golden.echo"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-conflict")
    empty = server.request("POST", "/jobs", json=body, headers={"Idempotency-Key": ""})
    assert empty.status_code == 400


def test_pages_hold_every_job_once_newest_first(make_server: MakeServer) -> None:
    server = make_server().start()
    made = [server.create("golden.noop")["id"] for _ in range(7)]
    ended = server.ended(server.run("golden.echo")["uuid"])["id"]
    seen: list[int] = []
    link = "/jobs?limit=3"
    while link:
        page = server.get(link)
        assert len(page["jobs"]) <= 3
        seen += [job["id"] for job in page["jobs"]]
        link = page["next"]
    assert seen == [ended, *reversed(made)]
    for query, expected in [
        ("state=Hold", len(made)), ("plugin=golden.echo", 1), ("state=Terminated,Error", 1),
        ("owner=nobody-at-all", 0), ("since=2000-01-01", 8), ("since=2100-01-01T00:00:00Z", 0),
        ("state=Hold&plugin=golden.echo", 0),
    ]:  # fmt: skip
        assert len(server.get(f"/jobs?{query}")["jobs"]) == expected, query

"""What is kept for how long, over restarts of a real server."""

from __future__ import annotations

from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until


def ended_jobs(server: ServerProcess, count: int) -> list[str]:
    """The uuids of jobs that printed something, in the order of their ends."""
    return [
        server.ended(server.run("golden.print_output", {"lines": 100})["uuid"])["uuid"]
        for _ in range(count)
    ]


def restart(server: ServerProcess, *options: str) -> None:
    server.terminate()
    server.start(*options)


def test_a_log_that_a_rule_removed_is_410_with_the_rule(make_server: MakeServer) -> None:
    server = make_server().start()
    old, new = ended_jobs(server, 2)
    size = len(server.request("GET", f"/jobs/{old}/log").content)
    before = server.job(old)
    restart(server, "--keep-log-bytes", str(size + 10))
    wait_until(
        lambda: server.request("GET", f"/jobs/{old}/log").status_code == 410,
        "the rule to be applied",
    )
    gone = server.request("GET", f"/jobs/{old}/log").json()
    assert gone["code"] == "log-removed"
    assert f"keep_log_bytes = {size + 10}" in gone["error"]
    assert server.request("GET", f"/jobs/{new}/log").status_code == 200
    assert server.job(old)["outcome"] == before["outcome"]
    told = server.request("GET", f"/jobs/{old}/events?follow=0").text
    assert "event: log_removed" in told


def test_the_oldest_beyond_the_number_to_keep_are_forgotten(make_server: MakeServer) -> None:
    server = make_server().start()
    held = server.create("golden.noop")["uuid"]
    jobs = ended_jobs(server, 3)
    restart(server, "--keep-jobs", "1")
    wait_until(
        lambda: server.request("GET", f"/jobs/{jobs[1]}").status_code == 404, "two to be forgotten"
    )
    assert server.request("GET", f"/jobs/{jobs[0]}").status_code == 404
    assert server.job(jobs[2])["finished"]
    assert server.job(held)["state"] == "Hold"
    log = server.request("GET", f"/jobs/{jobs[0]}/log")
    assert (log.status_code, log.json()["code"]) == (410, "log-removed")
    assert "keep_jobs = 1" in log.json()["error"]
    folders = server.data_dir / "jobs"
    wait_until(lambda: len(list(folders.glob("*/*"))) == 1, "their files to go")


def test_old_jobs_are_forgotten_by_age(make_server: MakeServer) -> None:
    server = make_server().start()
    (job,) = ended_jobs(server, 1)
    restart(server, "--keep-days", "0")
    wait_until(
        lambda: server.request("GET", f"/jobs/{job}").status_code == 404, "it to be forgotten"
    )
    assert server.get("/jobs")["jobs"] == []


def test_ids_are_not_used_again(make_server: MakeServer) -> None:
    server = make_server().start()
    (job,) = ended_jobs(server, 1)
    number = server.job(job)["id"]
    server.request("DELETE", f"/jobs/{job}")
    restart(server)
    assert server.create("golden.noop")["id"] > number

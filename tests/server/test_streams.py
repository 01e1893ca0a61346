"""Logs, events, and the places for those who wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until


def events(answer: Any) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The server-sent events of a stream, as they come."""
    event: dict[str, str] = {}
    for line in answer.iter_lines(decode_unicode=True):
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif "data" in event:
            yield int(event["id"]), event["event"], json.loads(event["data"])
            event = {}


def test_the_log_has_both_streams(server: ServerProcess) -> None:
    uuid = server.ended(server.run("golden.print_output", {"lines": 1000})["uuid"])["uuid"]
    lines = [f"line {n}" for n in range(1000)]
    log = server.request("GET", f"/jobs/{uuid}/log")
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert log.text.splitlines() == [*lines, "a complaint"]
    out = server.request("GET", f"/jobs/{uuid}/log?stream=stdout")
    assert out.text.splitlines() == lines
    assert int(out.headers["Hoplite-Log-Offset"]) == len(out.content)
    assert server.request("GET", f"/jobs/{uuid}/log?stream=stderr").text == "a complaint\n"
    for n in (0, 1, 3, 1000, 5000):
        tail = server.request("GET", f"/jobs/{uuid}/log?stream=stdout&tail={n}")
        assert tail.text.splitlines() == (lines[-n:] if n else [])
    rest = server.request("GET", f"/jobs/{uuid}/log?stream=stdout&offset=7")
    assert rest.content == out.content[7:]
    assert server.request("GET", f"/jobs/{uuid}/log?stream=stdout&offset=999999").content == b""


def test_the_tail_of_a_file_of_holes_comes_at_once(server: ServerProcess) -> None:
    command = "echo first; truncate -s 15T /dev/stdout; echo last"
    uuid = server.run("hoplite.plugins.shell_command", {"command": command})["uuid"]
    server.ended(uuid)
    began = time.monotonic()
    tail = server.request("GET", f"/jobs/{uuid}/log?stream=stdout&tail=1", stream=True)
    assert next(tail.iter_content(10))
    assert time.monotonic() - began < 10
    tail.close()
    server.request("DELETE", f"/jobs/{uuid}")


def test_a_pipe_in_place_of_a_log_holds_nobody_up(own_server: ServerProcess) -> None:
    command = "rm ../stdout; mkfifo ../stdout"
    uuid = own_server.run("hoplite.plugins.shell_command", {"command": command})["uuid"]
    own_server.ended(uuid)
    assert own_server.request("GET", f"/jobs/{uuid}/log?stream=stdout", timeout=10).text == ""


def test_a_followed_log_ends_with_the_job(server: ServerProcess) -> None:
    command = "for n in 1 2 3; do echo $n; sleep 0.1; done"
    job = server.run("hoplite.plugins.shell_command", {"command": command})
    log = server.request("GET", f"/jobs/{job['uuid']}/log?follow=1", stream=True)
    assert log.text == "1\n2\n3\n"
    assert server.job(job["uuid"])["finished"]


def test_the_events_of_a_job_tell_its_life(server: ServerProcess) -> None:
    job = server.create("golden.echo", {"a": 1})
    server.put(f"/jobs/{job['uuid']}/start")
    stream = server.request("GET", f"/jobs/{job['uuid']}/events", stream=True)
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    told = list(events(stream))
    assert [what for _, what, _ in told] == [
        "created", "queued", "launched", "started", "status", "ended",
    ]  # fmt: skip
    assert [number for number, _, _ in told] == sorted({number for number, _, _ in told})
    assert {data["job"] for _, _, data in told} == {job["uuid"]}
    assert told[0][2]["who"] == job["owner"] and told[4][2]["who"] == "job"
    assert told[-1][2]["detail"]["outcome"] == "succeeded"
    middle = told[2][0]
    rest = server.request(
        "GET", f"/jobs/{job['uuid']}/events", headers={"Last-Event-ID": str(middle)}, stream=True
    )
    assert [number for number, _, _ in events(rest)] == [n for n, _, _ in told if n > middle]
    last = {"Last-Event-ID": str(told[-1][0])}
    assert server.request("GET", f"/jobs/{job['uuid']}/events", headers=last).status_code == 204


def test_the_events_of_all_jobs_come_as_they_happen(server: ServerProcess) -> None:
    stream = server.request("GET", "/events", stream=True)
    job = server.run("golden.noop")
    for _, what, data in events(stream):
        if data["job"] == job["uuid"] and what == "ended":
            break
    stream.close()


def test_places_for_streams_are_bounded_and_starve_nobody(make_server: MakeServer) -> None:
    server = make_server("--max-streams", "3", "--threads", "2").start()
    job = server.run("golden.sleep")
    follow = f"/jobs/{job['uuid']}"
    streams = [server.request("GET", "/events", stream=True) for _ in range(3)]
    for path in (f"{follow}?wait=5", f"{follow}/log?follow=1", "/events"):
        refused = server.request("GET", path)
        assert (refused.status_code, refused.json()["code"]) == (503, "too-many-streams")
        assert int(refused.headers["Retry-After"]) > 0
    began = time.monotonic()
    assert server.job(job["uuid"])["running"]
    assert time.monotonic() - began < 2
    streams[0].close()

    def free() -> bool:
        return server.request("GET", f"{follow}?wait=0.01").status_code == 200

    wait_until(free, "the place of a client that hung up")
    for stream in streams:
        stream.close()


def test_many_wait_for_one_end(make_server: MakeServer) -> None:
    server = make_server().start()
    job = server.run("golden.sleep", {"seconds": 0.5})
    ends: list[bool] = []

    def wait() -> None:
        ends.append(server.job(f"{job['uuid']}?wait=20")["finished"])

    threads = [threading.Thread(target=wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ends == [True] * 20

"""What a client was told, and whether a server still stands by it."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests

from tests.server.process import ServerProcess, wait_until

END_OF = {
    "return": ("succeeded", 0, None),
    "raise": ("failed", 1, None),
    "exit": ("failed", 3, None),
    "os_exit": ("failed", 7, None),
    "sigkill": ("failed", None, 9),
}
"""How ``golden.busy`` is told to end, and the outcome, exit code and signal that follow."""


class Ledger:
    """Jobs that were answered with 201, and the notes that the jobs made themselves."""

    def __init__(self, directory: Path) -> None:
        # Jobs of a server that is root run as root here: the client is.
        self.notes = directory / "notes"
        self.notes.touch()
        self.jobs: dict[str, dict[str, Any]] = {}

    def submit(self, server: ServerProcess, **config: Any) -> dict[str, Any] | None:
        """Run a ``golden.busy``; None if the server died before it answered."""
        body = {
            "name": "golden.busy", "config": {"path": str(self.notes), **config}, "run": True,
        }  # fmt: skip
        try:
            answer = server.request("POST", "/jobs", json=body)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return None
        if answer.status_code != 201:
            return None
        job: dict[str, Any] = answer.json()["job"]
        self.jobs[job["uuid"]] = job
        return job

    def noted(self, what: str) -> list[list[str]]:
        """The notes of one kind, word by word."""
        lines = [line.split() for line in self.notes.read_text().splitlines()]
        return [words[1:] for words in lines if words[0] == what]

    def taken(self) -> dict[int, int]:
        """The last status of each job that was acknowledged to it, by the job's id."""
        return {int(job_id): int(n) for job_id, n in self.noted("took")}

    def check_kept(self, server: ServerProcess, taken: dict[int, int] | None = None) -> None:
        """All jobs told of are there, with what the client and (by ``taken``) the jobs were told."""
        listed = listed_jobs(server)
        for uuid, told in self.jobs.items():
            job = listed[uuid]
            for key in ("id", "name", "config", "owner", "created_at", "timeout", "env", "workdir"):
                assert job[key] == told[key], key
            assert job["version"] >= told["version"]
            if taken and job["id"] in taken:
                assert job["status"]["n"] >= taken[job["id"]]

    def check_ends(self, server: ServerProcess, within_s: float = 20) -> None:
        """Every job that was started ends; those told of truly, with their last status, once."""
        started = [u for u, job in listed_jobs(server).items() if job["state"] != "Hold"]
        ended = {uuid: server.ended(uuid, within_s) for uuid in started}
        for uuid in self.jobs:
            job = ended[uuid]
            end = job["config"].get("end", "return")
            assert (job["outcome"], job["exit_code"], job["signal"]) == END_OF[end], job
            assert job["status"].get("n") == job["config"].get("count", 3) - 1, job
            assert ("exception" in job["status"]) == (end != "return")
        self.check_ran_once()
        check_timeline(server)

    def check_ran_once(self) -> None:
        """No job ran twice; of those told of and ended, each once."""
        runs = Counter(int(job_id) for (job_id,) in self.noted("ran"))
        assert set(runs.values()) <= {1}, runs
        assert {job["id"] for job in self.jobs.values()} <= set(runs)


def listed_jobs(server: ServerProcess) -> dict[str, dict[str, Any]]:
    """All jobs by uuid; none is listed twice."""
    jobs = server.get("/jobs?limit=1000")["jobs"]
    listed = {job["uuid"]: job for job in jobs}
    assert len(listed) == len(jobs) == len({job["id"] for job in jobs})
    return listed


def events(server: ServerProcess) -> list[dict[str, Any]]:
    """The whole timeline of jobs; each event's ``data`` with its ``seq``."""
    found, seq = [], -1  # the stream begins with where it was asked to
    text = server.request("GET", "/events?after=0&follow=0").text
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        if name == "id":
            assert int(value) > seq, "the timeline goes back"
            seq = int(value)
        elif name == "data":
            found.append({**json.loads(value), "seq": seq})
    return [event for event in found if event["job"] is not None]


def check_timeline(server: ServerProcess) -> None:
    """Each job is created once, ends once if it has ended, and no change of it is missing."""
    by_job: dict[str, list[dict[str, Any]]] = {}
    for event in events(server):
        by_job.setdefault(event["job"], []).append(event)
    for uuid, job in listed_jobs(server).items():
        whole = by_job.pop(uuid)
        names = [event["event"] for event in whole]
        count = Counter(names)
        assert names[0] == "created" and count["created"] == 1, names
        assert count["ended"] == int(job["finished"]), names
        assert not job["finished"] or names[-1] == "ended", names
        assert count["started"] <= 1 + count["requeued"], names
        _check_versions(job, whole)
    assert not by_job, "events of jobs that are not there"


def _check_versions(job: dict[str, Any], whole: list[dict[str, Any]]) -> None:
    versions = [event["version"] for event in whole]
    assert versions[0] == 1 and versions[-1] == job["version"], whole
    for before, after in pairwise(whole):
        # A status within a second of the last one takes its place.
        merged = "status" in (before["event"], after["event"])
        step = after["version"] - before["version"]
        assert 0 <= step <= 1 or (merged and step > 0), (before, after)


def died(server: ServerProcess) -> None:
    """Wait until the server has died at its crash point."""
    wait_until(lambda: not server.alive, "the server's death at its crash point", 15)
    server.kill_9()

"""The recorded requests of OAR 2.5.9 that read jobs, put to a server with the same jobs by the same
ids."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.oar.cluster import Cluster
from tests.oar.golden import FOLDER, Seen, as_recorded, cases, replay, seen
from tests.oar.job_differences import JOBS, NOT_YET
from tests.server.process import wait_until

EMPTY = {case.name: case for case in cases("jobs-empty")}
LIVE = {case.name: case for case in cases("jobs-live")}
CASES = EMPTY | LIVE
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)
ME, OTHER, ADMIN = "kameleon", "alice", "oar"
ONE = "/core=1,walltime=0:10:00"
LONG = "walltime=0:20:00"
_RESOURCE = re.compile(r"(?<=/resources/)\d+")
_RECORDED_AT = 1795321292
"""What the recording asked for as "now"."""


def _jobs(go: Path) -> list[dict[str, Any]]:
    """The submissions of the recording, in its order: an array makes several jobs.  Those that were
    over when it was made are made short; ``go`` lets job 32 end."""
    short: dict[str, Any] = {"command": "/bin/true", "resource": ONE}
    held = {"hold": "", "command": "/bin/true"}
    few = [dict(short)] * 4
    return [
        *few,
        {"command": "/bin/true", "resource": "/core=1", "directory": "/nonexistent/dir"},
        {"command": "/bin/sleep 0.1", "resource": "/core=1", "property": "core = 1"},
        {"command": "/bin/sleep 0.1", "resource": "/core=1"},
        {"command": "/usr/bin/id;echo OK", "resource": "/nodes=1/cpu=1", "type": "besteffort",
         "workdir": "/tmp", "stdout": "golden-outfile-%jobid%"},
        {"command": "/bin/true", "resource": "/nodes=1/cpu=1,walltime=00:30:00", "name": "Test_job"},
        *[dict(short)] * 6,
        {**short, "command": "exit 3"},
        {**short, "command": "/no/such/binary"},
        short,
        {**short, "command": "echo héllo", "name": "café"},
        {**short, "array": 3},
        *[dict(short)] * 3,
        {"script": "#!/bin/sh\nexit 0\n", "resource": ONE},
        {"script": "#!/bin/sh\n#OAR -n scanned\n#OAR -l /core=2,walltime=0:05:00\n"
                   "#OAR --project goldproj\n", "scanscript": ""},
        short,
        {**short, "name": "fromscript", "project": "gold"},
        {**short, "property": "mem > 1000", "notify": "mail:nobody@example.com", "signal": 10,
         "queue": "default", "checkpoint": 60, "name": "named", "project": "proj1",
         "stderr": "golden.%jobname%.%jobid%.err", "stdout": "golden.%jobid%.out"},
        short,
        {**short, "command": f"until [ -e {go} ]; do sleep 0.05; done", "type": "besteffort",
         "property": "core = 2"},
        {"command": "/bin/true", "resource": ["/core=2,walltime=0:10:00", "/core=1,walltime=0:20:00"]},
        short,
        {**short, "property": "host = 'node2' and core > 5"},
        {**short, "use-job-key": ""},
        short,
        {**held, "resource": ONE},
        {**held, "resource": "/nodes=ALL/core=ALL,walltime=0:01:00"},
        {**held, "resource": "/core=BEST,walltime=0:01:00"},
        {**held, "resource": "/core=BESTHALF,walltime=0:01:00"},
        {**held, "resource": "/core=1,walltime=0:01:00", "array": 2},
        {**short, "anterior": 38},
        {**short, "property": "core = 1", "reservation": "2037-01-01 01:00:00"},
        {"command": "/bin/true", "resource": "/core=1,walltime=0:00:01", "type": "noop"},
        short,
        {"command": "pwd", "resource": ONE, "directory": "/nonexistent/golden"},
        *[dict(short)] * 3,
        {**short, "by": OTHER},
        short,
        {"script": "#!/bin/sh\nsleep 600\n", "resource": f"/nodes=1/core=1,{LONG}",
         "name": "runner", "property": "core = 6"},
        {"command": "sleep 600", "resource": f"/nodes=2/core=1,{LONG}", "project": "p2",
         "property": "core in (1, 5)"},
        {"command": "sleep 600", "resource": f"/core=1,{LONG}", "array": 2,
         "property": "core in (4, 7)"},
        {"command": "sleep 5", "resource": f"/core=8,{LONG}"},
    ]  # fmt: skip


class Replays:
    """The answers of one server to the recorded requests."""

    def __init__(self, server: Cluster) -> None:
        self.server = server
        self.ids = {str(n): each for n, each in enumerate(server.make_nodes(), 1)}
        self.answers: dict[str, requests.Response] = {}
        self.now = int(time.time())
        for name, case in EMPTY.items():
            self.answers[name] = replay(server, case, self.ours)
        go = server.home(ME) / "go"
        self._submit(go)
        # All but one of those that are over are so since an earlier second.
        self.now = int(time.time()) + 1
        wait_until(lambda: time.time() >= self.now, "the next second")
        for name, case in LIVE.items():
            if name > "249":
                self._end_job_32(go)
            self.answers[name] = replay(server, case, self.ours)

    def ours(self, text: str) -> str:
        """``text`` with our ids of the resources, and our time."""
        text = _RESOURCE.sub(lambda found: str(self.ids.get(found[0], found[0])), text)
        text = text.replace(str(_RECORDED_AT), str(self.now))
        return text.replace(str(_RECORDED_AT + 3600), str(self.now + 3600))

    def theirs(self, found: Seen) -> Seen:
        """``found`` with the recording's numbers of resources."""
        theirs = {str(ours): number for number, ours in self.ids.items()}
        changes = (_RESOURCE.sub(lambda at: theirs[at[0]], change) for change in found.changes)
        return Seen(found.status, found.media, tuple(sorted(changes)))

    def _submit(self, go: Path) -> None:
        number = 0
        for each in _jobs(go):
            by = each.pop("by", ME)
            made = self.server.told("POST", "/jobs.json", by, json=each)["id"]
            number += 1
            assert made == number, each
            number += each.get("array", 1) - 1
            if number == 8 or 31 <= number <= 53:  # besteffort jobs would have to make room
                self._wait_until_all_are_over(but=(32, *range(38, 46)))
        for job_id in (32, 54, 55, 56, 57):
            self._wait_for(job_id, "Running")

    def _wait_until_all_are_over(self, but: tuple[int, ...]) -> None:
        def live() -> list[int]:
            items = self.server.told("GET", "/jobs.json?limit=0", ADMIN)["items"]
            return [each["id"] for each in items if each["id"] not in but]

        wait_until(lambda: not live(), "the end of the short jobs", 60)

    def _wait_for(self, job_id: int, state: str) -> None:
        path = f"/jobs/{job_id}.json"
        wait_until(
            lambda: self.server.told("GET", path, ADMIN)["state"] == state, f"{job_id} {state}"
        )

    def _end_job_32(self, go: Path) -> None:
        if not go.exists():
            go.touch()
            self._wait_for(32, "Terminated")


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    folder = tmp_path_factory.mktemp("jobs-golden")
    server = Cluster(folder / "data", "--visibility", "full")
    try:
        server.start()
        assert server.url, server.log_text()
        yield Replays(server)
        assert server.alive
        assert "defect" not in server.log_text()
    finally:
        server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(replays: Replays, name: str) -> None:
    case, answer = CASES[name], replays.answers[name]
    found, recorded = replays.theirs(seen(answer, case, replays.ours)), as_recorded(case)
    difference = JOBS.get(name)
    if name in NOT_YET:
        assert found == NOT_YET[name], "it is answered now: take it off the list NOT_YET"
    elif difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, tuple(sorted(difference.changes)))
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


@pytest.mark.parametrize("name", ["349-job-ant", "356-job-resa-details", "380-job-terminated-noop"])
def test_messages_are_those_of_oar(replays: Replays, name: str) -> None:
    recorded = json.loads(CASES[name].response.body or "")
    assert replays.answers[name].json()["message"] == recorded["message"]


def test_every_listed_case_is_recorded_and_listed_once() -> None:
    assert set(JOBS) | set(NOT_YET) <= set(CASES)
    assert not set(JOBS) & set(NOT_YET)


@pytest.mark.parametrize("row", sorted({each.row for each in JOBS.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)

"""The recorded requests of Hoplite 15, put to this server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.golden.differences import DIFFERENCES
from tests.golden.recording import FILE, JSON, Case, Seen, as_recorded, cases, seen
from tests.server.process import ServerProcess, wait_until

CASES = {case.name: case for case in cases()}
DOCS = Path(__file__).parents[2] / "docs" / "rest-hoplite.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of Hoplite 15 are not part of the source tree ({FILE})"
)

RECORDED_KEY = "75486206-0b50-4c6e-af7f-9778b414ab19"
UNKNOWN = {"8b7fea59-2c0d-4afa-8109-2bc0a26ec865", "3288283"}
NOT_TOLD: dict[str, tuple[str, Any]] = {
    "3953ed01-09a2-480b-ae2c-7c0c661d2658": ("golden.noop", {}),
    "749ac044-8757-4d19-9add-f4391dbbf3bb": ("golden.raise_job_failed", {}),
    "0374a9b0-944b-4458-8546-6bdb14cfaee7": ("golden.raise_bytes", {}),
    "6a809161-cc1c-4fd4-948f-53b936b0f274": ("golden.echo", {}),
}
"""Jobs whose plugin no recorded answer tells."""

STATES = {
    "045": "created", "070": "created", "071": "started", "075": "created", "077": "started",
    "078": "created", "079": "kill refused", "083": "killed", "085": "ended",
    "086": "ended, then killed", "089": "running", "090": "being killed", "106": "ended",
    "107": "ended, then killed", "118": "ended", "119": "ended", "122": "ended", "123": "ended",
}  # fmt: skip
"""In which state each case needs its job; the other cases tell by their recorded answer."""


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("golden") / "data", "--kill-grace", "1").start()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


class Replay:
    """One case on its way to the server: its job made anew, its key put in place of the recorded."""

    def __init__(self, server: ServerProcess, case: Case) -> None:
        self.server = server
        self.case = case
        self.uuid = case.request.uuid
        self.key = RECORDED_KEY

    def answer(self) -> requests.Response:
        """The answer; the job's place is free again when it is there."""
        try:
            return self._answer()
        finally:
            for job in self.server.get("/jobs/running")["jobs"]:
                self.server.put(f"/jobs/{job['uuid']}/kill")

    def _answer(self) -> requests.Response:
        if self.uuid is not None and self.uuid not in UNKNOWN:
            refused = self._make_job(self.uuid)
            if refused is not None:
                return refused
        if self.case.name == "017-get-jobs-running-one":
            self.server.run("golden.sleep", {"seconds": 3})
        request = self.case.request
        path = request.path.replace(request.uuid, str(self.uuid)) if request.uuid else request.path
        return self.server.request(
            request.method, path, data=self._body(), headers=request.headers, timeout=20
        )

    def _body(self) -> bytes | None:
        body = self.case.request.body
        if body is None:
            return None
        text = body if isinstance(body, str) else json.dumps(body)
        return str(text).replace(RECORDED_KEY, self.key).encode()

    def _make_job(self, recorded: str) -> requests.Response | None:
        """The job that the case is about, in its state; the answer if it cannot even be made."""
        plugin, config = _plugin_of(recorded)
        body = {"name": plugin, "config": config, "port": 1}
        made = self.server.request("POST", "/jobs", json=body)
        if made.status_code != 201:
            return made
        self.uuid = made.json()["uuid"]
        self._bring_to(_state_of(self.case))
        if plugin == "golden.expose_key":
            self._put_statuses_before()
        return None

    def _bring_to(self, state: str) -> None:
        at = f"/jobs/{self.uuid}"
        if state == "kill refused":
            assert self.server.request("PUT", f"{at}/kill").status_code == 403
        if state in ("created", "kill refused"):
            return
        self.server.put(f"{at}/start")
        if state in ("running", "being killed", "killed"):
            told = wait_until(lambda: self.server.job(str(self.uuid))["status"], "the status")
            self.key = told.get("key", self.key)
        if state.startswith("ended"):
            self.server.ended(str(self.uuid))
        if state in ("being killed", "killed", "ended, then killed"):
            self.server.put(f"{at}/kill")
        if state == "killed":
            self.server.ended(str(self.uuid))

    def _put_statuses_before(self) -> None:
        """What the recorded cases before this one did to the one job that they all used."""
        ours = [case for case in CASES.values() if case.request.uuid == self.case.request.uuid]
        if _state_of(self.case) == "killed":
            return
        for case in ours[: ours.index(self.case)]:
            if case.request.method == "PUT":
                before = Replay(self.server, case)
                before.key = self.key
                path = f"/jobs/{self.uuid}"
                self.server.request(
                    "PUT", path, data=before._body(), headers=before.case.request.headers
                )


def _plugin_of(recorded: str) -> tuple[str, Any]:
    if recorded in NOT_TOLD:
        return NOT_TOLD[recorded]
    bodies = [case.response.body for case in CASES.values()]
    told = next(
        body
        for body in bodies
        if isinstance(body, dict) and body.get("uuid") == recorded and "name" in body
    )
    return told["name"], told["config"]


def _state_of(case: Case) -> str:
    number = case.name[:3]
    if number in STATES:
        return STATES[number]
    body = case.response.body
    if not isinstance(body, dict) or "finished" not in body:
        return "running"
    if body["finished"]:
        return "killed" if body["killed"] else "ended"
    return "running" if body["running"] else "created"


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(
    golden: ServerProcess, name: str
) -> None:
    case = CASES[name]
    answer = Replay(golden, case).answer()
    found, recorded = seen(answer, case), as_recorded(case)
    if recorded.status >= 400 and recorded.media == JSON:
        # Errors of Hoplite 15 had no code.
        found = _without_code(found, recorded)
    difference = DIFFERENCES.get(name)
    if difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, difference.code, difference.changes)
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


def _without_code(found: Seen, recorded: Seen) -> Seen:
    if found.status != recorded.status:
        return found
    return Seen(found.status, found.media, None, found.changes)


def test_every_listed_difference_is_of_a_case() -> None:
    assert set(DIFFERENCES) <= set(CASES)


@pytest.mark.parametrize("row", sorted({each.row for each in DIFFERENCES.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)


def test_the_plugins_of_the_recordings_are_served(golden: ServerProcess) -> None:
    recorded = CASES["003-get-job-plugins"].response.body["job_plugins"]
    ours = golden.get("/job_plugins")["job_plugins"]
    assert {name for name in recorded if name.startswith("golden.")} <= set(ours)

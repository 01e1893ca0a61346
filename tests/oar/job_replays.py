"""Recorded requests about jobs, put to this server: the ids of the recording stand for jobs of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import requests

from tests.oar.batch_cluster import BatchCluster
from tests.oar.golden import PASSWORD, Case, Difference, Login, Seen, as_recorded, replay, seen

DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
_JOB = re.compile(r"(/jobs/(?:array/)?|\"anterior\": |inner=|/OAR\.(?:\w+\.)?)(\d+)")
_RESOURCE = re.compile(r"(?<=/resources/)\d+")


class JobReplays:
    """One server, and its answers to the recorded requests by their names."""

    def __init__(self, server: BatchCluster) -> None:
        self.server = server
        self.jobs: dict[int, int] = {}
        """Our ids of jobs by the recording's."""
        self.resources: dict[int, int] = {}
        self.answers: dict[str, requests.Response] = {}

    def put(self, case: Case, body: str | None = None) -> requests.Response:
        """The answer to a recorded request, perhaps with another body (of another date)."""
        asked = case.request
        login = None if asked.auth is None else Login(asked.auth.user, PASSWORD)
        asked = msgspec.structs.replace(
            asked, auth=login, body=asked.body if body is None else body
        )
        case = msgspec.structs.replace(case, request=asked)
        answer = self.answers[case.name] = replay(self.server, case, self.ours)
        if (answer.status_code, case.response.status) == (201, 201):
            self.jobs[_new_job(case.response.body or "")] = _new_job(answer.text)
        return answer

    def ours(self, text: str) -> str:
        """``text`` with our ids for the recorded ones."""
        text = _JOB.sub(lambda at: at[1] + str(self.jobs.get(int(at[2]), at[2])), text)
        return _RESOURCE.sub(lambda at: str(self.resources.get(int(at[0]), at[0])), text)

    def seen(self, case: Case) -> Seen:
        """What came, as against the recorded answer, in the recording's ids."""
        found = seen(self.answers[case.name], case, self.ours)
        back = {str(ours): str(theirs) for theirs, ours in self.jobs.items()}
        changes = [
            _JOB.sub(lambda at: at[1] + back.get(at[2], at[2]), each) for each in found.changes
        ]
        return msgspec.structs.replace(found, changes=tuple(sorted(changes)))

    def check(self, case: Case, listed: Mapping[str, Difference]) -> None:
        """The answer is the recorded one, or differs as ``listed`` says."""
        found, recorded = self.seen(case), as_recorded(case)
        difference = listed.get(case.name)
        if difference is None:
            assert found == recorded, self.answers[case.name].text
            return
        wanted = Seen(difference.status, difference.media, tuple(sorted(difference.changes)))
        assert found == wanted, self.answers[case.name].text
        assert wanted != recorded, "it no longer differs: take it off the list"


def _new_job(body: str) -> int:
    return int(json.loads(body)["id"])


def rows_of_the_documentation() -> Iterator[str]:
    """The rows of "Differences from OAR 2.5", each in one line."""
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    yield from (" ".join(line.split()) for line in table.split("\n   * - ")[1:])

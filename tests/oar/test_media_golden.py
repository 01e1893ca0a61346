"""The recorded requests of OAR 2.5.9 about files, put to this server in their order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import requests

from tests.oar.golden import FOLDER, PASSWORD, Case, Login, Seen, as_recorded, cases, replay, seen
from tests.oar.media_differences import MEDIA
from tests.oar.media_server import NOBODY, MediaServer, owned_by

CASES = {case.name: case for case in cases("media")}
DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
pytestmark = pytest.mark.skipif(
    not CASES, reason=f"the recordings of OAR are not part of the source tree ({FOLDER})"
)
LINES = "".join(f"line {n}\n" for n in range(1, 11))


class Replays:
    """The answers of one server to the recorded requests, made by an account that has its files in a
    directory of the tests."""

    def __init__(self, base: Path) -> None:
        base.chmod(0o711)
        self.golden = owned_by(NOBODY, base / "golden")
        (self.golden / "file.txt").write_text(LINES)
        (self.golden / "script.sh").write_text("#" * 103 + "\n")
        owned_by(NOBODY, self.golden / "sub")
        for name, mode in (("file.txt", 0o644), ("script.sh", 0o755)):
            (self.golden / name).chmod(mode)
            if os.geteuid() == 0:
                account = self.golden.stat()
                os.chown(self.golden / name, account.st_uid, account.st_gid)
        self.unreadable = base / "golden-unreadable"
        self.unreadable.touch(mode=0)
        (base / "golden-unreadable-dir").mkdir(mode=0)
        self.server = MediaServer(base / "data")
        self.server.start()
        assert self.server.url, self.server.log_text()
        self.answers = {name: self._replay(case) for name, case in CASES.items()}

    def ours(self, text: str) -> str:
        """``text`` with our directory where the recording has its own."""
        for theirs in ("//home/kameleon/golden", "/home/kameleon/golden", "/~/golden"):
            text = text.replace(theirs, str(self.golden))
        return text.replace("/tmp/golden-unreadable", str(self.unreadable))

    def _replay(self, case: Case) -> requests.Response:
        asked = case.request
        if asked.auth is not None:
            asked = msgspec.structs.replace(asked, auth=Login(NOBODY, PASSWORD))
        return replay(self.server, msgspec.structs.replace(case, request=asked), self.ours)


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    replays = Replays(tmp_path_factory.mktemp("media-golden"))
    yield replays
    assert replays.server.alive
    assert "defect" not in replays.server.log_text()
    replays.server.close()


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_recorded_one_or_a_listed_difference(replays: Replays, name: str) -> None:
    case, answer = CASES[name], replays.answers[name]
    found, recorded = seen(answer, case, replays.ours), as_recorded(case)
    difference = MEDIA.get(name)
    if difference is None:
        assert found == recorded, answer.text
    else:
        listed = Seen(difference.status, difference.media, tuple(sorted(difference.changes)))
        assert found == listed, answer.text
        assert listed != recorded, "it no longer differs: take it off the list"


@pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if case.response.media == "application/octet-stream"]
)
def test_files_are_as_recorded(replays: Replays, name: str) -> None:
    if name not in MEDIA:
        assert replays.answers[name].text == CASES[name].response.body


@pytest.mark.parametrize("name", [name for name in CASES if "-ls-json" in name])
def test_entries_are_as_recorded(replays: Replays, name: str) -> None:
    theirs, ours = (
        msgspec.json.decode(CASES[name].response.body or ""),
        replays.answers[name].json(),
    )
    for recorded, entry in zip(theirs["items"], ours["items"], strict=True):
        assert {key: entry[key] for key in recorded} | {"mtime": 0} == {**recorded, "mtime": 0}


def test_every_listed_case_is_recorded() -> None:
    assert set(MEDIA) <= set(CASES)


@pytest.mark.parametrize("row", sorted({each.row for each in MEDIA.values()}))
def test_every_listed_difference_is_in_the_documentation(row: str) -> None:
    table = DOCS.read_text(encoding="utf-8").partition(".. _oar-differences:")[2]
    rows = [" ".join(line.split()) for line in table.split("\n   * - ")[1:]]
    assert any(line.startswith(row) for line in rows)

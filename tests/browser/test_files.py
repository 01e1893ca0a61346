"""A person looks at files, puts some there, and removes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server.process import ServerProcess

if TYPE_CHECKING:
    from tests.browser.browser import Browser


@pytest.fixture
def here(served: ServerProcess) -> Path:
    """A directory in the home of the server's user, who is the browser's too."""
    return Path(served.environ.get("HOME", served.data_dir.parent))


def test_a_file_is_uploaded_read_changed_and_removed(
    browser: Browser, here: Path, tmp_path: Path
) -> None:
    own = tmp_path / "ü <b>.txt"
    own.write_text("one\ntwo <b>\n")
    (here / "folder").mkdir()
    browser.open("/oarapi/index.html").follow("Files").follow("folder/")
    browser.fill("File", str(own)).press("Upload")
    assert browser.told() == "ü <b>.txt is uploaded"
    made = here / "folder" / own.name
    assert made.read_text() == own.read_text()
    browser.follow(own.name)
    assert browser.one("main pre").text == "one\ntwo <b>"
    browser.fill("Mode", "600").press("Change the mode")
    assert browser.told() == "Its mode is changed" and made.stat().st_mode & 0o777 == 0o600
    browser.unfold("Remove this file …").press("Remove this file")
    assert "is removed" in browser.told() and not made.exists()
    assert browser.heading == str(here / "folder")
    browser.unfold("Remove this directory …").press("Remove this directory")
    assert not (here / "folder").exists() and browser.heading == str(here)


def test_an_upload_that_is_refused_says_why_and_leads_back(
    browser: Browser, here: Path, tmp_path: Path
) -> None:
    own = tmp_path / "twice.txt"
    own.write_text("new")
    (here / "full").mkdir()
    (here / "full" / own.name).write_text("old")
    browser.open(f"/oarapi/media/ls{here}/full").fill("File", str(own)).press("Upload")
    assert "File already exists" in browser.heading
    assert any("403 (FORBIDDEN)" in each for each in browser.complaints())
    browser.follow("Back to full")
    browser.fill("File", str(own)).fill("In place of one that has its name", " ").press("Upload")
    assert (here / "full" / own.name).read_text() == "new"

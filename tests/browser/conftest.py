"""A browser, and a server that knows it by the kernel: it runs as the tests' own user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.server.process import ServerProcess

if TYPE_CHECKING:
    from tests.browser.browser import Browser


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose resources are this machine's, for the browser alone."""
    data_dir = tmp_path_factory.mktemp("browser") / "data"
    running = ServerProcess(data_dir, "--users-may-suspend").start()
    assert running.url, running.log_text()
    yield running
    running.close()
    assert "defect" not in running.log_text()


@pytest.fixture(scope="session")
def browser_window(
    served: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    pytest.importorskip("selenium", reason="selenium is not installed (the extra test has it)")
    from tests.browser.browser import Browser

    window = Browser(served.url, tmp_path_factory.mktemp("chromium"))
    yield window
    window.close()


@pytest.fixture
def browser(browser_window: Browser) -> Iterator[Browser]:
    """The window, which had nothing to complain of."""
    browser_window.complaints()
    yield browser_window
    browser_window.be_wide(None)
    browser_window.prefer("light")
    assert browser_window.complaints() == []

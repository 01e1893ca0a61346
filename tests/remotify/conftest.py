"""Servers whose jobs can import what the tests call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hoplite.remote_enabler import close_connections
from tests.server.process import PLUGINS, ServerProcess

ROOT = Path(__file__).parents[2]
Started = Callable[..., ServerProcess]


def new_server(data_dir: Path, *options: str) -> ServerProcess:
    path = os.pathsep.join([str(PLUGINS), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return ServerProcess(data_dir, *options, environ={"PYTHONPATH": path.rstrip(os.pathsep)})


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HOPLITE_TOKEN", "HOPLITE_CLIENT_CONFIG", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    # One that stays the same, for connections to be kept from test to test.
    monkeypatch.setenv("NETRC", "/nonexistent/netrc")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    yield
    close_connections()


@pytest.fixture(scope="session")
def calls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that leave it as they found it."""
    running = new_server(tmp_path_factory.mktemp("calls") / "data").start()
    assert running.url, running.log_text()
    yield running
    assert running.alive, f"the server died:\n{running.log_text()}"
    assert "defect" not in running.log_text()
    running.close()


@pytest.fixture
def address(calls_server: ServerProcess) -> str:
    return calls_server.url.removeprefix("http://")


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Started]:
    """Starts servers of the test's own; all are stopped at its end."""
    made: list[ServerProcess] = []

    def start(*options: str) -> ServerProcess:
        made.append(new_server(tmp_path / f"data-{len(made)}", *options))
        started = made[-1].start()
        assert started.url, started.log_text()
        return started

    yield start
    for each in made:
        each.close()
        assert "defect" not in each.log_text()

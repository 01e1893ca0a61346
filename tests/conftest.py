"""Fixtures: real servers on free ports, and checks that nothing is left behind."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.environment import ServerEnvironment
from tests.server.process import ServerProcess

MakeServer = Callable[..., ServerProcess]


@pytest.fixture(scope="session", autouse=True)
def _passable(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where the tests are root's, jobs of other accounts run below its temporary directories."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    base = tmp_path_factory.getbasetemp()
    # A pytest that a test starts would close the directory of all temporary directories again.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(base)
    everybodys = Path(tempfile.gettempdir()).resolve()
    for each in (base, *base.parents):
        if each == base or everybodys in each.parents:
            each.chmod(each.stat().st_mode | 0o011)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that leave it as they found it."""
    running = ServerProcess(tmp_path_factory.mktemp("server") / "data").start()
    assert running.url, running.log_text()
    yield running
    assert running.alive, f"the server died:\n{running.log_text()}"
    assert "defect" not in running.log_text()
    running.close()


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> ServerEnvironment:
    """A Python environment of its own; each test brings packages of its own names."""
    return ServerEnvironment(tmp_path_factory.mktemp("server-environment") / "environment")


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Makes servers of the test's own, not started; all are stopped at its end."""
    made: list[ServerProcess] = []

    def make(*options: str, name: str = "data", **environ: str) -> ServerProcess:
        made.append(ServerProcess(tmp_path / name, *options, environ=environ))
        return made[-1]

    yield make
    for each in made:
        each.close()
        assert "defect" not in each.log_text()


@pytest.fixture
def own_server(make_server: MakeServer) -> ServerProcess:
    """A started server of the test's own."""
    started = make_server().start()
    assert started.url, started.log_text()
    return started


@pytest.fixture(scope="session", autouse=True)
def ways_for_other_users(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Servers that run as root have jobs of other users below the tests' directories."""
    base = tmp_path_factory.getbasetemp()
    for folder in (base, *base.parents):
        if os.geteuid() == 0 and folder.name.startswith(("pytest-", "popen-")):
            folder.chmod(0o711)


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fails a test that leaves threads or many descriptors behind in the tests' own process."""
    threads, descriptors = set(threading.enumerate()), _descriptors()
    yield
    left = [t for t in threading.enumerate() if t not in threads and not t.daemon]
    assert not left, f"threads left behind: {left}"
    # Pools of connections may keep a few.
    assert _descriptors() <= descriptors + 16, "descriptors left behind"


def _descriptors() -> int:
    try:
        return len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return 0

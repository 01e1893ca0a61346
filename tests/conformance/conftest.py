"""Journals and executors for the conformance suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from hoplite.execution.protocol import Executor, LaunchSpec
from hoplite.journal.protocol import Journal
from hoplite.journal.store import SqliteJournal
from tests.execution.engines import ENGINES, Engine, plugin_path
from tests.execution.recording import Recorder

Host = Callable[..., "subprocess.Popen[bytes]"]

MakeJournal = Callable[[Path], Journal]

JOURNALS: list[MakeJournal] = [lambda directory: SqliteJournal(directory / "journal.db")]


@pytest.fixture(params=JOURNALS, ids=["sqlite"])
def open_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Journal]:
    """Opens the same journal each time; its last opener must have closed it."""
    make: MakeJournal = request.param
    return lambda: make(tmp_path)


@pytest.fixture
def journal(open_journal: Callable[[], Journal]) -> Iterator[Journal]:
    opened = open_journal()
    yield opened
    opened.close()


@pytest.fixture(params=sorted(ENGINES))
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    """The engine under test, over an empty directory, with the test plugins installed."""
    (tmp_path / "plugins").mkdir()
    monkeypatch.setenv("PYTHONPATH", plugin_path(tmp_path / "plugins"))
    return ENGINES[request.param](tmp_path / "data")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def executor(engine: Engine, recorder: Recorder) -> Iterator[Executor]:
    """One that is open."""
    executor = engine.make()
    executor.open(recorder)
    yield executor
    executor.close()


@pytest.fixture
def host(engine: Engine) -> Iterator[Host]:
    """Starts processes with an executor in each, over the engine's data, that launch the specs
    they are given; returns when all of those have started."""
    hosts: list[subprocess.Popen[bytes]] = []

    def start(*specs: LaunchSpec) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.execution.host", *engine.host()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=dict(os.environ),
        )
        hosts.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(msgspec.json.encode(spec) + b"\n" for spec in specs))
        process.stdin.flush()
        missing = {spec.job_id for spec in specs}
        while missing:
            missing.discard(json.loads(process.stdout.readline()).get("started"))
        return process

    yield start
    for process in hosts:
        process.kill()
        process.communicate()

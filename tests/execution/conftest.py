"""Local executors for tests of what is true of this engine only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoplite.execution.local.executor import LocalExecutor
from tests.execution.engines import plugin_path
from tests.execution.recording import Recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data directory; the test plugins are installed for jobs."""
    monkeypatch.setenv("PYTHONPATH", plugin_path())
    return tmp_path / "data"


@pytest.fixture
def executor(data_dir: Path, recorder: Recorder) -> Iterator[LocalExecutor]:
    """One that is open."""
    executor = LocalExecutor(data_dir)
    executor.open(recorder)
    yield executor
    executor.close()

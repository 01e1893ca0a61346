"""What the tests of executors share: a listener that remembers, and specs that are quick to make."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hoplite.execution.protocol import Ended, LaunchSpec, RunAs, Running

DEADLINE_S = 20.0
PLUGINS = Path(__file__).parent.parent / "plugins_for_tests"
NOWHERE = "http://127.0.0.1:9"


class Recorder:
    """A listener.  ``heard`` holds (job id, what) in order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.heard: list[tuple[int, Running | Ended]] = []

    def started(self, job_id: int, running: Running) -> None:
        self._hear(job_id, running)

    def ended(self, job_id: int, ended: Ended) -> None:
        self._hear(job_id, ended)

    def _hear(self, job_id: int, what: Running | Ended) -> None:
        with self._changed:
            self.heard.append((job_id, what))
            self._changed.notify_all()

    def running(self, job_id: int) -> Running:
        """Wait for ``started``."""
        found = self._wait(job_id, Running)
        assert isinstance(found, Running)
        return found

    def end(self, job_id: int) -> Ended:
        """Wait for ``ended``."""
        found = self._wait(job_id, Ended)
        assert isinstance(found, Ended)
        return found

    def count(self, job_id: int, kind: type[Running | Ended]) -> int:
        with self._changed:
            return sum(
                1 for about, what in self.heard if about == job_id and isinstance(what, kind)
            )

    def _wait(self, job_id: int, kind: type[Running | Ended]) -> Running | Ended:
        def found() -> Running | Ended | None:
            ones = (what for about, what in self.heard if about == job_id)
            return next((what for what in ones if isinstance(what, kind)), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, DEADLINE_S), (
                f"job {job_id}: no {kind.__name__} in {self.heard}"
            )
            what = found()
            assert what is not None
            return what


def spec(
    job_id: int,
    plugin: str,
    config: object = None,
    *,
    server_url: str = NOWHERE,
    server_url_file: str = "/nonexistent",
    workdir: str | None = None,
    env: dict[str, str] | None = None,
    run_as: RunAs | None = None,
    timeout_s: float | None = None,
    kill_grace_s: float = 5.0,
    status_retry_s: float = 0.0,
) -> LaunchSpec:
    """A spec for one of the test plugins, or for a full entry point."""
    return LaunchSpec(
        job_id=job_id,
        uuid=f"uuid-of-{job_id}",
        plugin=plugin,
        entry_point=plugin if "." in plugin or ":" in plugin else f"hoplite_test_plugins.{plugin}",
        config=msgspec.Raw(json.dumps({} if config is None else config).encode()),
        server_url=server_url,
        server_url_file=server_url_file,
        api_key=f"secret-key-of-{job_id}",
        workdir=workdir,
        env=env or {},
        run_as=run_as,
        timeout_s=timeout_s,
        kill_grace_s=kill_grace_s,
        status_retry_s=status_retry_s,
    )


def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait until it is true; fails after a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.005)


def exception_of(ended: Ended) -> dict[str, Any]:
    """The exception record of a job that failed."""
    assert ended.report is not None
    assert not ended.report.returned
    assert ended.report.exception is not None
    record = msgspec.json.decode(ended.report.exception)
    assert isinstance(record, dict)
    return record


def noted(path: Path) -> list[int]:
    """The pids in a note of the plugin ``waiting``."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []

"""The types that users' checkers see: ``mypy`` reads these, and what is wrong is marked as wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_type

import hoplite
from hoplite.client import Event, EventStream, JobInfo, RemoteJob, RemoteJobManager
from hoplite.exceptions import JobFailedError


def right(manager: RemoteJobManager) -> None:
    assert_type(hoplite.__version__, str)
    assert_type(hoplite.is_hoplite_available("build"), bool)
    assert_type(hoplite.wait_for_hoplite("build", 5000, retry_period_s=1, retries=3), None)
    assert_type(manager.create_job("x"), RemoteJob)
    assert_type(manager.run("x", {"a": [1]}, timeout=5, env={"A": "b"}), RemoteJob)
    assert_type(manager.jobs(state=["Running"]), Iterator[JobInfo])
    assert_type(manager.get_running_jobs(), list[JobInfo])
    assert_type(manager.get_job_plugins(), list[str])
    assert_type(next(manager.events()), Event)
    with RemoteJobManager("build", credentials=("me", "word"), verify=False) as one:
        assert_type(one, RemoteJobManager)
    with RemoteJob("build", uuid="x", timeout_s=3) as job:
        assert_type(job, RemoteJob)
    assert_type(job.status(), dict[str, Any])
    assert_type(job.info()["exit_code"], int | None)
    assert_type(job.outcome, str | None)
    assert_type(job.join(timeout=5), bool)
    assert_type(job.log(), str)
    assert_type(job.follow_log("stderr"), Iterator[str])
    assert_type(job.events(), EventStream)
    assert_type(job.wait_for_change(5), JobInfo)
    assert_type(JobFailedError().nested_jobs, list[JobFailedError])


def wrong(manager: RemoteJobManager) -> None:
    RemoteJobManager("build", credential="x")  # type: ignore[call-arg] # misspelt
    RemoteJobManager("build", timeout_s="5")  # type: ignore[arg-type] # a text
    manager.create_job("x", [1])  # type: ignore[arg-type] # no object
    manager.run("x", time_limit="5")  # type: ignore[call-arg] # misspelt
    manager.get_job("x").log("stdin")  # type: ignore[arg-type] # no such stream
    _ = manager.get_job("x").info()["exit"]  # type: ignore[typeddict-item] # no such key


def test_they_are_only_read() -> None:
    assert [right.__name__, wrong.__name__] == ["right", "wrong"]

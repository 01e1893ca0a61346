"""A failure is told in full, and one bad job never breaks another's answer."""

from __future__ import annotations

import signal
from typing import Any

import msgspec
import pytest

from tests.server.process import ServerProcess


class Fails(msgspec.Struct, frozen=True):
    """How a plugin fails, and what is told of it."""

    plugin: str
    type: str
    message: str
    """What the message contains."""
    config: dict[str, Any] = {}
    exit_code: int | None = 1
    signal: int | None = None
    status: dict[str, Any] = {}
    """What the plugin had reported before."""
    previous: str | None = None
    """The type of the exception before it."""
    source: str | None = None
    """What the last frame's line contains; None: there is no traceback."""


FAILURES = [
    Fails(
        "raise_type_error", "TypeError", "wrong type of thing",
        status={"before": "the fall"}, source="raise TypeError",
    ),
    Fails(
        "raise_chained", "RuntimeError", "second", previous="KeyError", source="raise RuntimeError"
    ),
    Fails(
        "raise_multi_arg", "golden_jobs.raise_multi_arg.TwoArgs", "two args",
        source="raise TwoArgs",
    ),
    Fails(
        "raise_unpicklable", "golden_jobs.raise_unpicklable.Locked", "I hold a lock",
        source="raise Locked",
    ),
    Fails("raise_bytes", "ValueError", r"(b'\xff\xfe', '\udc80', <object", source="raise"),
    Fails("raise_big", "ValueError", "characters left out", source="raise ValueError"),
    Fails(
        "raise_job_failed", "hoplite.exceptions.JobFailedError", "Job 1234 on elsewhere:5000",
        previous="ValueError", source="raise JobFailedError",
    ),
    Fails("bad_status", "TypeError", "object", source=""),
    Fails(
        "sys_exit", "SystemExit", "3", config={"code": 3}, exit_code=3,
        status={"state": "about to exit"}, source="sys.exit",
    ),
    Fails(
        "sys_exit", "SystemExit", "no such thing", config={"code": "no such thing"}, exit_code=1,
        status={"state": "about to exit"}, source="sys.exit",
    ),
    Fails(
        "os_exit", "ProcessExited", "code 7", exit_code=7, status={"state": "about to die"}
    ),
    Fails(
        "os_exit", "ProcessExited", "before run returned", config={"code": 0}, exit_code=0,
        status={"state": "about to die"},
    ),
    Fails(
        "sigkill_self", "ProcessSignalled", "SIGKILL (9)", exit_code=None, signal=9,
        status={"state": "about to be killed"},
    ),
    Fails(
        "sigkill_self", "ProcessSignalled", "SIGSEGV (11)", config={"signal": signal.SIGSEGV},
        exit_code=None, signal=11, status={"state": "about to be killed"},
    ),
    Fails(
        "import_error", "hoplite.exceptions.JobPluginLoadError", "a_module_that_nobody_has",
        previous="ModuleNotFoundError", source="",
    ),
    Fails("no_run", "hoplite.exceptions.JobPluginLoadError", "no function run", source=""),
]  # fmt: skip


@pytest.mark.parametrize("fails", FAILURES, ids=lambda one: f"{one.plugin}-{one.message}")
def test_a_failure_is_told_in_full(server: ServerProcess, fails: Fails) -> None:
    job = server.ended(server.run(f"golden.{fails.plugin}", fails.config)["uuid"])
    assert (job["state"], job["outcome"], job["killed"]) == ("Terminated", "failed", False)
    assert (job["exit_code"], job["signal"]) == (fails.exit_code, fails.signal)
    status = job["status"]
    record = status.pop("exception")
    assert status == fails.status
    assert record["type"] == fails.type
    assert fails.message in record["message"]
    assert fails.type in job["reason"] or fails.message in job["reason"]
    _check_traceback(record, fails.source)
    previous = record["previous_exception"]
    assert (previous and previous["type"]) == fails.previous
    assert_all_jobs_are_answered(server, job["uuid"])


def _check_traceback(record: dict[str, Any], source: str | None) -> None:
    traceback = record["traceback"]
    if source is None:
        assert traceback is None
        return
    if traceback["frames"]:
        assert traceback["text"].startswith("Traceback (most recent call last):")
    assert record["type"].rpartition(".")[2] in traceback["text"]
    frame = traceback["frames"][-1] if traceback["frames"] else {"source": ""}
    assert source in frame["source"]
    for frame in traceback["frames"]:
        assert frame.keys() == {"file", "line", "function", "source"}
        assert "hoplite/execution/runner.py" not in frame["file"]


def assert_all_jobs_are_answered(server: ServerProcess, uuid: str) -> None:
    """By everybody, the failed one among them."""
    assert uuid in [job["uuid"] for job in server.get("/jobs?limit=5")["jobs"]]
    assert "jobs" in server.get("/jobs/running")
    healthy = server.run("golden.echo", {"still": "well"})
    assert server.ended(healthy["uuid"])["status"] == {"echo": {"still": "well"}}
    assert server.job(uuid)["outcome"] == "failed"


def test_the_failure_of_another_job_is_nested_in_the_record(server: ServerProcess) -> None:
    job = server.ended(server.run("golden.raise_job_failed")["uuid"])
    previous = job["status"]["exception"]["previous_exception"]
    assert previous == {
        "address": "elsewhere:5000",
        "uuid": "1234",
        "type": "ValueError",
        "message": "the inner one",
        "traceback": None,
    }


def test_sys_exit_0_is_a_success(server: ServerProcess) -> None:
    job = server.ended(server.run("golden.sys_exit", {"code": 0})["uuid"])
    assert (job["outcome"], job["exit_code"]) == ("succeeded", 0)
    assert job["status"] == {"state": "about to exit"}


def test_the_traceback_is_in_the_log_too(server: ServerProcess) -> None:
    job = server.ended(server.run("golden.raise_chained")["uuid"])
    log = server.request("GET", f"/jobs/{job['uuid']}/log?stream=stderr").text
    assert "KeyError: 'first'" in log and "RuntimeError: second" in log
    assert "direct cause" in log


def test_a_huge_exception_is_bounded_and_ends_the_job_at_once(server: ServerProcess) -> None:
    job = server.ended(server.run("golden.raise_big", {"size": 20_000_000})["uuid"], 10)
    record = job["status"]["exception"]
    assert len(record["message"]) < 100_000
    assert record["message"].startswith("xxx") and record["message"].endswith("xxx")
    assert len(server.request("GET", f"/jobs/{job['uuid']}").content) < 1_000_000


def test_a_signal_that_hoplite_did_not_send_is_no_kill(server: ServerProcess) -> None:
    config = {"signal": signal.SIGTERM}
    job = server.ended(server.run("golden.sigkill_self", config)["uuid"])
    assert (job["outcome"], job["killed"], job["signal"]) == ("failed", False, signal.SIGTERM)
    assert "nobody sent through hoplite" in job["reason"]

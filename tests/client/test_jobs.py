"""Jobs through the client, against a real server."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NotRequired, get_origin, get_type_hints

import msgspec
import pytest

import hoplite
from hoplite.api.hoplite.new_job import NewJobBody
from hoplite.client import JobInfo, JobOptions, RemoteJob, RemoteJobManager
from hoplite.exceptions import (
    HopliteError,
    InvalidFieldError,
    JobAlreadyStartedError,
    JobDoesNotExistError,
    JobFailedError,
    JobKilledError,
    JobNotEndedError,
    JobNotStartedError,
    JobPluginDoesNotExistError,
    LogRemovedError,
    NotAuthorizedError,
    TimeoutError,
    TooLargeError,
)
from tests.client.scripted_server import answer, answering
from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until

SHELL = "hoplite.plugins.shell_command"


def test_a_program_for_hoplite_15(server: ServerProcess) -> None:
    host, _, port = server.url.removeprefix("http://").partition(":")
    manager = RemoteJobManager(host, int(port))
    assert (manager.address, manager.port) == (host, int(port))
    assert manager.is_available()
    manager.wait_for_available()
    assert "golden.echo" in manager.get_job_plugins()
    assert manager.reload_site_packages() is True
    job = manager.create_job("golden.echo", {"a": 1})
    assert (job.config(), job.running(), job.finished()) == ({"a": 1}, False, False)
    assert job.start() is True
    assert job.join() is True
    assert job.status() == {"echo": {"a": 1}}
    assert job.finished(force=True)
    again = RemoteJob(f"{host}:{port}", uuid=job.uuid)
    assert (again.name, again.port, again.address) == ("golden.echo", int(port), host)
    assert manager.get_job(job.uuid).status() == job.status(force=True)
    made = RemoteJob(host, int(port), "golden.noop", config={"b": 2})
    assert made.config() == {"b": 2}
    assert made.info()["state"] == "Hold"
    for each in (manager, again, made):
        each.close()


def test_the_functions_at_the_top(server: ServerProcess) -> None:
    host, _, port = server.url.removeprefix("http://").partition(":")
    assert hoplite.is_hoplite_available(host, int(port))
    assert hoplite.is_hoplite_available(server.url)
    hoplite.wait_for_hoplite(server.url)
    assert not hoplite.is_hoplite_available("127.0.0.1", 1)
    with pytest.raises(TimeoutError, match="2 tries"):
        hoplite.wait_for_hoplite("127.0.0.1", 1, retry_period_s=0.01, retries=2)
    with answering(answer(200, b"<html>")) as other:
        assert not hoplite.is_hoplite_available(other.address)


def test_run_is_one_line(manager: RemoteJobManager) -> None:
    job = manager.run("golden.echo", {"a": 1})
    assert (job.outcome, job.status()) == ("succeeded", {"echo": {"a": 1}})
    with pytest.raises(TimeoutError) as late:
        manager.run("golden.sleep", {"seconds": 30}, timeout=0.1)
    still = manager.get_job(str(late.value.uuid))
    assert not still.finished()
    still.kill()
    still.join()


def test_run_raises_for_a_job_that_somebody_killed(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sleep")
    wait_until(lambda: job.status(force=True), "the job to run")
    job.kill()
    assert job.join() is True
    assert job.outcome == "killed"
    with pytest.raises(JobKilledError, match="was killed: .*SIGTERM") as killed:
        job.raise_unless_succeeded()
    assert killed.value.status == {"state": "sleeping"}


def test_what_a_new_job_may_have(manager: RemoteJobManager) -> None:
    command = {"command": "echo $COLOUR; pwd"}
    job = manager.run(SHELL, command, env={"COLOUR": "blue"}, workdir="/", time_limit_s=60)
    assert job.log() == "blue\n/\n"
    assert job.info()["timeout"] == 60
    limited = manager.start_job("golden.sleep", time_limit_s=0.2)
    with pytest.raises(JobFailedError, match="JobTimedOut") as failed:
        limited.join()
    assert failed.value.outcome == limited.outcome == "timed_out"
    with pytest.raises(InvalidFieldError) as refused:
        manager.create_job("golden.noop", workdir="not absolute")
    assert refused.value.field == "workdir"


def test_a_job_that_asks_for_resources(own_server: ServerProcess) -> None:
    with RemoteJobManager(own_server.url) as manager:
        job = manager.run("golden.noop", resource="/resource_id=1", walltime=60, job_name="mine")
        info = job.info()
        assert (info["job_name"], info["walltime"], info["queue"]) == ("mine", 60, "default")
        assert len(info["resources"]) == 1
        assert set(info) <= set(JobInfo.__annotations__)
        after = manager.run("golden.noop", after=[info["id"]], success_only=True)
        assert after.info()["after"] == [info["id"]]
        with pytest.raises(HopliteError, match="resource"):
            manager.create_job("golden.noop", resource="/nonsense==1")


def test_the_options_of_a_new_job_are_all_that_the_server_takes() -> None:
    taken = {each.name for each in msgspec.structs.fields(NewJobBody)}
    others = {"name", "plugin_name", "config", "run", "running"}
    ignored = {"port", "uuid", "api_key", "status"}
    ours = {"timeout" if key == "time_limit_s" else key for key in JobOptions.__annotations__}
    assert ours == taken - others - ignored


def test_a_jobs_keys_are_all_known(manager: RemoteJobManager) -> None:
    job = manager.run("golden.progress")
    assert set(job.info()) <= set(JobInfo.__annotations__)
    hints = get_type_hints(JobInfo, include_extras=True)
    always = {key for key, hint in hints.items() if get_origin(hint) is not NotRequired}
    assert len(always) > 20
    assert always <= set(job.info())


def test_refusals_are_the_documented_exceptions(manager: RemoteJobManager) -> None:
    job = manager.create_job("golden.noop")
    with pytest.raises(JobNotStartedError):
        job.kill()
    job.start()
    with pytest.raises(JobAlreadyStartedError):
        job.start()
    job.join()
    assert job.kill() is True
    assert job.outcome == "succeeded"
    with pytest.raises(JobPluginDoesNotExistError, match="no-such") as unknown:
        manager.create_job("no-such", {})
    assert isinstance(unknown.value, JobDoesNotExistError)
    assert unknown.value.field == "name"
    for uuid in ("no-such", "a/b", "..", "?", "ü", "running", ""):
        with pytest.raises(JobDoesNotExistError):
            manager.get_job(uuid)
    with pytest.raises(TooLargeError):
        manager.create_job("golden.echo", {"a": "x" * 20_000_000})


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"x", datetime.now(UTC), "\udc80"])
def test_a_config_that_is_no_json_is_refused_here(manager: RemoteJobManager, value: object) -> None:
    with pytest.raises(TypeError, match="cannot be told as JSON"):
        manager.create_job("golden.echo", {"a": value})


def test_deleting(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sleep")
    with pytest.raises(JobNotEndedError):
        job.delete()
    job.kill()
    job.join()
    assert job.delete() is True
    with pytest.raises(JobDoesNotExistError):
        job.info(force=True)
    with pytest.raises(JobDoesNotExistError):
        job.delete()
    with pytest.raises(LogRemovedError):
        job.log()


def test_a_failure_is_told_in_full_and_the_rest_can_be_read(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sys_exit", {"code": 3})
    with pytest.raises(JobFailedError) as failed:
        job.join()
    error = failed.value
    assert (error.remote_type, error.remote_message) == ("SystemExit", "3")
    assert "sys.exit" in error.remote_traceback
    assert error.status["state"] == "about to exit"
    assert (error.uuid, error.addr) == (job.uuid, f"{manager.address}:{manager.port}")
    assert str(error).splitlines()[-2:] == ["Root Error Type: SystemExit", "Root Error Message: 3"]
    assert error.nested_jobs == [] and error.root is error
    for asked in (job.status, job.finished):
        with pytest.raises(JobFailedError):
            asked(force=True)
    assert (job.running(), job.outcome) == (False, "failed")
    assert (job.info()["exit_code"], job.config()) == (3, {"code": 3})


def test_nested_failures_are_told_from_the_outermost(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.raise_job_failed")
    with pytest.raises(JobFailedError) as failed:
        job.join()
    (inner,) = failed.value.nested_jobs
    assert (inner.addr, inner.uuid) == ("elsewhere:5000", "1234")
    assert failed.value.root.remote_type == inner.remote_type == "ValueError"
    assert f"Job {job.uuid} on" in str(failed.value)
    assert "Job 1234 on elsewhere:5000 failed" in str(failed.value)
    with pytest.raises(ValueError, match="inner") as original:
        failed.value.raise_remote_exception()
    assert original.value.__cause__ is failed.value


def test_jobs_of_jobs_tell_their_failures_all_the_way_up(
    server: ServerProcess, manager: RemoteJobManager
) -> None:
    def calling(plugin: str, config: dict[str, object]) -> tuple[str, dict[str, object]]:
        return "client.run_other", {"address": server.url, "plugin": plugin, "config": config}

    job = manager.start_job(*calling(*calling("golden.raise_type_error", {})))
    with pytest.raises(JobFailedError) as failed:
        job.join()
    middle, innermost = failed.value.nested_jobs
    assert [manager.get_job(one.uuid).name for one in (middle, innermost)] == [
        "client.run_other",
        "golden.raise_type_error",
    ]
    assert middle.addr == innermost.addr == failed.value.addr
    assert failed.value.root.remote_type == "TypeError"
    assert "raise_type_error.py" in innermost.remote_traceback
    assert failed.value.status["state"] == "running the other"
    assert str(failed.value).count("Traceback (most recent call last)") >= 3
    with pytest.raises(TypeError):
        failed.value.raise_remote_exception()


@pytest.mark.parametrize(
    "plugin", ["raise_multi_arg", "raise_unpicklable", "sigkill_self", "no_run"]
)
def test_what_is_no_builtin_exception_stays_a_failed_job(
    manager: RemoteJobManager, plugin: str
) -> None:
    job = manager.start_job(f"golden.{plugin}")
    with pytest.raises(JobFailedError) as failed:
        job.join()
    with pytest.raises(JobFailedError) as raised:
        failed.value.raise_remote_exception()
    assert raised.value is failed.value


def test_jobs_are_fetched_page_by_page(make_server: MakeServer) -> None:
    server = make_server("--page-limit", "3").start()
    with RemoteJobManager(server.url) as manager:
        began = datetime.now(UTC)
        made = [manager.create_job("golden.noop").uuid for _ in range(8)]
        done = manager.run("golden.echo").uuid
        assert [job["uuid"] for job in manager.jobs()] == [done, *reversed(made)]
        assert [job["uuid"] for job in manager.jobs(state="Terminated")] == [done]
        assert len(list(manager.jobs(state=["Hold", "Terminated"]))) == 9
        assert [job["name"] for job in manager.jobs(plugin="golden.echo")] == ["golden.echo"]
        assert list(manager.jobs(owner="nobody-at-all")) == []
        assert len(list(manager.jobs(since=began))) == 9
        assert list(manager.jobs(since=time.time() + 60)) == []
        assert next(manager.jobs())["uuid"] == done
        with pytest.raises(HopliteError, match="names no state"):
            next(manager.jobs(state="Sleeping"))


def test_running_jobs(manager: RemoteJobManager) -> None:
    job = manager.start_job("golden.sleep")
    assert job.uuid in [each["uuid"] for each in manager.get_running_jobs()]
    job.kill()
    job.join()
    assert job.uuid not in [each["uuid"] for each in manager.get_running_jobs()]


def test_why_a_job_waits(make_server: MakeServer) -> None:
    server = make_server("--max-running", "1").start()
    with RemoteJobManager(server.url) as manager:
        first = manager.start_job("golden.sleep")
        second = manager.start_job("golden.noop")
        assert second.info()["state"] == "Waiting"
        assert second.why()["message"]
        assert second.why()["jobs"] == [] or first.info()["id"] in second.why()["jobs"]
        first.kill()
        assert second.join() is True


def test_logs(manager: RemoteJobManager) -> None:
    job = manager.start_job(SHELL, {"command": "echo one; echo two; echo no >&2; printf 'h\\303'"})
    assert "".join(job.follow_log()) == "one\ntwo\nh\ufffd"
    assert "".join(job.follow_log("stderr")) == "no\n"
    assert job.log("stdout", tail=2) == "two\nh\ufffd"
    assert job.log("stderr") == "no\n"
    assert job.log().endswith("no\n")


def test_a_log_is_followed_as_it_is_written(manager: RemoteJobManager) -> None:
    job = manager.start_job(SHELL, {"command": "echo first; exec sleep 30"})
    pieces = job.follow_log()
    assert next(pieces) == "first\n"
    assert job.running(force=True)
    job.kill()
    assert "".join(pieces) == ""
    assert job.outcome == "killed"


def test_a_job_is_read_at_most_five_times_a_second(manager: RemoteJobManager) -> None:
    job = manager.create_job("golden.noop")
    seen = {id(job.info()) for _ in range(50)}
    assert len(seen) == 1
    assert job.info(force=True) is not job.info(force=True)
    job.start()
    assert job.info()["state"] != "Hold", "what start did is seen at once"


def test_others_see_that_a_job_is_there_and_what_became_of_it() -> None:
    hidden = {
        "uuid": "u", "id": 1, "name": "x", "version": 3, "config": None, "status": None,
        "owner": "ann", "outcome": None, "finished": False, "running": True,
    }  # fmt: skip
    failed = {**hidden, "outcome": "failed", "finished": True, "running": False, "version": 4}
    with (
        answering(answer(200, {"job": hidden}), answer(200, {"job": failed})) as server,
        RemoteJob(server.address, uuid="u") as job,
    ):
        assert job.running() is True
        for asked in (job.config, job.status):
            with pytest.raises(NotAuthorizedError, match="belongs to ann"):
                asked()
        with pytest.raises(JobFailedError, match="Job u on"):
            job.finished(force=True)

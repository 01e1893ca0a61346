"""Jobs that run as another account."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from hoplite.execution.local.accounts import account
from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.protocol import RunAs
from tests.execution.recording import Recorder, exception_of, spec

TALKER = "hoplite_test_plugins.talking:talker"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start others' processes")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may")


@pytest.fixture
def nobody() -> RunAs:
    return account("nobody")


def test_an_unknown_account_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        account("no-such-account-here")


@as_root
def test_a_job_runs_as_its_account(
    executor: LocalExecutor, recorder: Recorder, nobody: RunAs
) -> None:
    executor.launch(spec(1, TALKER, run_as=nobody))
    assert recorder.end(1).exit_code == 0
    facts = json.loads((executor.directory(1) / "stdout").read_text())
    assert facts["ids"] == [nobody.uid, nobody.gid, list(nobody.groups)]
    assert facts["environ"]["HOME"] == nobody.home
    assert facts["environ"]["USER"] == facts["environ"]["LOGNAME"] == "nobody"


@as_root
def test_the_account_may_write_in_the_work_directory_only(
    executor: LocalExecutor, recorder: Recorder, nobody: RunAs
) -> None:
    command = "echo 1 > inside; echo 2 > ../outside; rm -f ../report.json; echo three > /dev/stdout"
    shell = "hoplite.builtin_plugins.shell_command"
    executor.launch(spec(1, shell, {"command": command}, run_as=nobody))
    recorder.end(1)
    directory = executor.directory(1)
    assert (directory / "work" / "inside").stat().st_uid == nobody.uid
    assert not (directory / "outside").exists()
    assert (directory / "report.json").stat().st_uid == 0
    assert (directory / "stdout").read_text() == "three\n"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o711


@as_root
def test_a_workdir_that_the_account_may_not_enter_is_a_clear_failure(
    executor: LocalExecutor, recorder: Recorder, nobody: RunAs, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    executor.launch(spec(1, "noop", workdir=str(private), run_as=nobody))
    record = exception_of(recorder.end(1))
    assert record["type"] == "PermissionError"
    assert "workdir" in record["message"]


def _environment(
    executor: LocalExecutor, recorder: Recorder, run_as: RunAs | None
) -> dict[str, str]:
    executor.launch(spec(1, TALKER, run_as=run_as, env={"MINE": "1"}))
    assert recorder.end(1).exit_code == 0
    environ = json.loads((executor.directory(1) / "stdout").read_text())["environ"]
    assert environ["MINE"] == "1"
    assert isinstance(environ, dict)
    return environ


@pytest.fixture
def secretive(data_dir: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> LocalExecutor:
    """One whose environment holds secrets of its own account, and settings of the server."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("HOPLITE_DATA_DIR", "/secret")
    monkeypatch.setenv("TZ", "Europe/Paris")
    executor = LocalExecutor(data_dir)
    executor.open(recorder)
    return executor


@as_root
def test_a_job_of_another_account_gets_little_of_the_servers_environment(
    secretive: LocalExecutor, recorder: Recorder, nobody: RunAs
) -> None:
    environ = _environment(secretive, recorder, nobody)
    assert "AWS_SECRET_ACCESS_KEY" not in environ
    assert environ["TZ"] == "Europe/Paris"
    assert environ["PATH"] == os.environ["PATH"]
    assert environ["SHELL"] == nobody.shell
    secretive.close()


@as_root
def test_what_another_account_does_not_get_is_not_in_proc_either(
    secretive: LocalExecutor, recorder: Recorder, nobody: RunAs
) -> None:
    secretive.launch(spec(1, "first_environment", run_as=nobody))
    assert recorder.end(1).exit_code == 0
    assert "hunter2" not in (secretive.directory(1) / "stdout").read_text()
    secretive.close()


def test_a_job_of_the_servers_account_gets_its_environment_but_no_settings(
    secretive: LocalExecutor, recorder: Recorder
) -> None:
    environ = _environment(secretive, recorder, None)
    assert environ["AWS_SECRET_ACCESS_KEY"] == "hunter2"
    assert "HOPLITE_DATA_DIR" not in environ
    secretive.close()


@as_user
def test_only_root_starts_jobs_of_others(executor: LocalExecutor, recorder: Recorder) -> None:
    executor.launch(spec(1, "noop", run_as=account("root")))
    record = exception_of(recorder.end(1))
    assert record["type"] == "PermissionError"
    assert "only root" in record["message"]

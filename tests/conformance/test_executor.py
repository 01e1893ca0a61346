"""What every executor must do: launching, the truth about ends, output, surroundings."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hoplite.execution.protocol import (
    INPUT_FILE,
    RESULT_FILE,
    Ended,
    Executor,
    NeverStarted,
    Running,
)
from tests.execution.engines import Engine
from tests.execution.recording import Recorder, exception_of, spec


def _ended(executor: Executor, recorder: Recorder, plugin: str, **config: Any) -> Ended:
    executor.launch(spec(1, plugin, config))
    return recorder.end(1)


def _failing(executor: Executor, recorder: Recorder, how: str) -> Ended:
    return _ended(executor, recorder, "failing", how=how)


def _output(executor: Executor, job_id: int, stream: str) -> str:
    return (executor.directory(job_id) / stream).read_text()


def test_a_job_that_returns_is_told_as_started_and_then_ended(
    executor: Executor, recorder: Recorder
) -> None:
    ended = _ended(executor, recorder, "noop")
    assert [type(what) for _, what in recorder.heard] == [Running, Ended]
    assert (ended.exit_code, ended.signal, ended.lost, ended.launch_error) == (0, None, None, None)
    assert ended.report is not None
    assert ended.report.returned
    assert ended.report.exception is None
    assert ended.usage is not None
    assert ended.usage["max_rss_bytes"] > 1_000_000


def test_an_exception_is_told_in_full(executor: Executor, recorder: Recorder) -> None:
    ended = _failing(executor, recorder, "value_error")
    record = exception_of(ended)
    assert ended.exit_code == 1
    assert (record["type"], record["message"]) == ("ValueError", "the value is wrong")
    assert record["previous_exception"] is None
    last = record["traceback"]["frames"][-1]
    assert last["file"].endswith("failing.py")
    assert (last["function"], last["source"]) == (
        "_value_error",
        'raise ValueError("the value is wrong")',
    )
    assert record["traceback"]["frames"][0]["function"] == "run"
    assert record["traceback"]["text"] == _output(executor, 1, "stderr")


@pytest.mark.parametrize(
    ("how", "type_name"),
    [
        ("unprintable", "hoplite_test_plugins.failing.UnprintableError"),
        ("locked", "hoplite_test_plugins.failing.LockedError"),
        ("bytes", "ValueError"),
        ("surrogate", "ValueError"),
        ("object", "ValueError"),
        ("huge", "ValueError"),
        ("recursion", "RecursionError"),
        ("memory", "MemoryError"),
        ("cycle", "ValueError"),
        ("nested", "hoplite.exceptions.JobFailedError"),
        ("keyboard", "KeyboardInterrupt"),
        ("generator", "GeneratorExit"),
        ("chained", "KeyError"),
    ],
)
def test_every_kind_of_exception_survives(
    executor: Executor, recorder: Recorder, how: str, type_name: str
) -> None:
    ended = _failing(executor, recorder, how)
    record = exception_of(ended)
    assert (ended.exit_code, record["type"]) == (1, type_name)
    assert len(json.dumps(record)) < 500_000


def test_a_chain_of_exceptions_is_told_link_by_link(executor: Executor, recorder: Recorder) -> None:
    record = exception_of(_failing(executor, recorder, "chained"))
    assert record["previous_exception"]["type"] == "ValueError"
    assert record["previous_exception"]["previous_exception"] is None


def test_the_failure_of_a_nested_job_is_told_with_its_address(
    executor: Executor, recorder: Recorder
) -> None:
    previous = exception_of(_failing(executor, recorder, "nested"))["previous_exception"]
    assert previous["type"] == "builtins.TypeError"
    assert (previous["address"], previous["uuid"]) == ("elsewhere:5000", "some-uuid")


@pytest.mark.parametrize(("how", "code"), [("exit_7", 7), ("exit_text", 1)])
def test_sys_exit_with_a_code_is_a_failure_with_that_code(
    executor: Executor, recorder: Recorder, how: str, code: int
) -> None:
    ended = _failing(executor, recorder, how)
    assert (ended.exit_code, exception_of(ended)["type"]) == (code, "SystemExit")
    assert ("it went wrong" in _output(executor, 1, "stderr")) == (how == "exit_text")


@pytest.mark.parametrize("how", ["exit_0", "exit_none"])
def test_sys_exit_without_a_code_is_a_return(
    executor: Executor, recorder: Recorder, how: str
) -> None:
    ended = _failing(executor, recorder, how)
    assert ended.exit_code == 0
    assert ended.report is not None
    assert ended.report.returned


@pytest.mark.parametrize(("how", "code"), [("os_exit_9", 9), ("os_exit_0", 0)])
def test_os_exit_leaves_its_code_and_no_report(
    executor: Executor, recorder: Recorder, how: str, code: int
) -> None:
    ended = _failing(executor, recorder, how)
    assert (ended.exit_code, ended.report, ended.lost) == (code, None, None)


@pytest.mark.parametrize(
    ("how", "signum"), [("kill", signal.SIGKILL), ("segmentation", signal.SIGSEGV)]
)
def test_a_death_by_signal_is_told_with_the_signal(
    executor: Executor, recorder: Recorder, how: str, signum: int
) -> None:
    ended = _failing(executor, recorder, how)
    assert (ended.exit_code, ended.signal, ended.report) == (None, signum, None)
    assert not ended.out_of_memory


def test_a_forked_child_of_the_plugin_does_not_write_the_report(
    executor: Executor, recorder: Recorder
) -> None:
    ended = _failing(executor, recorder, "forked_child_fails")
    assert ended.exit_code == 0
    assert ended.report is not None
    assert ended.report.returned


def test_a_plugin_that_cannot_be_imported_fails_its_job(
    executor: Executor, recorder: Recorder
) -> None:
    record = exception_of(_ended(executor, recorder, "import_fails"))
    assert record["type"] == "hoplite.exceptions.JobPluginLoadError"
    assert "'import_fails'" in record["message"]
    assert record["previous_exception"]["type"] == "ModuleNotFoundError"


def test_a_plugin_with_a_syntax_error_fails_its_job(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "plugins" / "half_written.py").write_text("def run(config, status:\n")
    executor.launch(spec(1, "half_written:run"))
    record = exception_of(recorder.end(1))
    assert record["type"] == "hoplite.exceptions.JobPluginLoadError"
    assert record["previous_exception"]["type"] == "SyntaxError"


def test_an_entry_point_that_leads_nowhere_fails_its_job(
    executor: Executor, recorder: Recorder
) -> None:
    executor.launch(spec(1, "hoplite_test_plugins.failing:nothing.here"))
    message = exception_of(recorder.end(1))["message"]
    assert "'hoplite_test_plugins.failing:nothing.here' has no 'nothing'" in message


def test_a_plugin_without_run_fails_its_job(executor: Executor, recorder: Recorder) -> None:
    record = exception_of(_ended(executor, recorder, "no_run"))
    assert record["type"] == "hoplite.exceptions.JobPluginLoadError"
    assert "run(config, status)" in record["message"]


def test_threads_and_exit_functions_come_to_their_end(
    executor: Executor, recorder: Recorder
) -> None:
    ended = _ended(executor, recorder, "thread_at_end")
    assert ended.exit_code == 0
    assert _output(executor, 1, "stdout") == "thread done\nat exit\n"
    assert ended.log_bytes == len("thread done\nat exit\n")


def test_an_entry_point_may_name_an_object_or_a_function(
    executor: Executor, recorder: Recorder
) -> None:
    executor.launch(spec(1, "hoplite_test_plugins.talking:function"))
    assert recorder.end(1).exit_code == 0
    assert _output(executor, 1, "stdout") == "called\n"
    assert _output(executor, 1, "stderr") == ""


def test_a_job_finds_clean_surroundings(
    executor: Executor, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptors but its own, its own session and directory, its key nowhere to be seen."""
    executor.launch(
        spec(1, "hoplite_test_plugins.talking:talker", {"a": [1, None]}, env={"FOR_JOB": "yes"})
    )
    assert recorder.end(1).exit_code == 0
    text = _output(executor, 1, "stdout")
    facts = json.loads(text)
    assert "secret-key" not in text
    assert facts["config"] == {"a": [1, None]}
    assert facts["cwd"] == str(executor.directory(1) / "work")
    assert facts["environ"]["FOR_JOB"] == "yes"
    assert {name for name in facts["environ"] if name.startswith("HOPLITE_")} == {
        "HOPLITE_JOB_ID",
        "HOPLITE_JOB_UUID",
    }
    # 0 to 2, the report, and the one that listed the directory.
    assert facts["descriptors"] == [0, 1, 2, 3, 4]
    assert facts["session"]
    assert facts["umask"] == 0o022
    assert _output(executor, 1, "stderr") == "to stderr\n"


def test_the_key_is_in_no_file(executor: Executor, recorder: Recorder, engine: Engine) -> None:
    _failing(executor, recorder, "value_error")
    files = [path for path in engine.data_dir.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"secret-key" in path.read_bytes()]


def test_nobody_else_reads_the_files_of_a_job(executor: Executor, recorder: Recorder) -> None:
    _ended(executor, recorder, "noop")
    directory = executor.directory(1)
    for path in [directory, *directory.iterdir()]:
        if not path.is_symlink():
            assert path.stat().st_mode & (stat.S_IRWXO & ~stat.S_IXOTH) == 0, path


def test_a_job_runs_in_the_workdir_it_asks_for(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    executor.launch(spec(1, "hoplite_test_plugins.talking:talker", workdir=str(tmp_path)))
    assert recorder.end(1).exit_code == 0
    assert json.loads(_output(executor, 1, "stdout"))["cwd"] == str(tmp_path)


def test_a_missing_workdir_is_a_clear_failure(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    executor.launch(spec(1, "noop", workdir=str(tmp_path / "missing")))
    record = exception_of(recorder.end(1))
    assert record["type"] == "FileNotFoundError"
    assert "workdir" in record["message"]
    assert "missing" in record["message"]


def test_a_status_that_the_server_never_took_is_in_the_report(
    executor: Executor, recorder: Recorder
) -> None:
    executor.launch(spec(1, "reporting", {"updates": [{"a": 1}]}))
    ended = recorder.end(1)
    assert exception_of(ended)["type"] == "hoplite.exceptions.ConnectionError"
    assert ended.report is not None
    assert ended.report.status is not None
    assert json.loads(bytes(ended.report.status)) == {"a": 1}


def test_forgetting_a_job_removes_its_files(executor: Executor, recorder: Recorder) -> None:
    _ended(executor, recorder, "noop")
    executor.forget([1, 2])
    assert not executor.directory(1).exists()


def test_reload_leaves_jobs_alone_and_runs_new_code(
    executor: Executor, recorder: Recorder, tmp_path: Path
) -> None:
    note, gate = tmp_path / "note", tmp_path / "gate"
    executor.launch(spec(1, "waiting", {"note": str(note), "until": str(gate), "code": 4}))
    recorder.running(1)
    (tmp_path / "plugins" / "fresh.py").write_text("def run(config, status): raise SystemExit(5)\n")
    executor.reload()
    executor.launch(spec(2, "fresh:run"))
    executor.launch(spec(3, "waiting", {"note": str(note), "code": 6}))
    assert recorder.end(2).exit_code == 5
    assert recorder.end(3).exit_code == 6
    gate.touch()
    assert recorder.end(1).exit_code == 4


def test_what_was_never_launched_never_started(executor: Executor) -> None:
    assert executor.adopt(77, None) == NeverStarted()


def test_closing_twice_is_the_same_as_once(executor: Executor) -> None:
    executor.close()
    executor.close()


def test_a_job_reads_what_was_put_and_leaves_what_is_to_be_got(
    executor: Executor, recorder: Recorder
) -> None:
    executor.put_input(1, [b"an earlier one"])
    executor.put_input(1, [b"what ", b"was put"])
    directory = executor.directory(1)
    asked = msgspec.structs.replace(
        spec(1, "filing"),
        input_file=f"{directory}/{INPUT_FILE}",
        result_file=f"{directory}/{RESULT_FILE}",
        max_result_bytes=100,
    )
    executor.launch(asked)
    ended = recorder.end(1)
    assert ended.exit_code == 0, exception_of(ended)
    assert (directory / RESULT_FILE).read_bytes() == b"what was put, and read"
    assert ended.log_bytes == len(b"what was put") + len(b"what was put, and read")
    executor.forget([1])
    assert not directory.exists()


def test_an_input_that_breaks_off_is_not_kept(executor: Executor) -> None:
    def broken() -> Iterator[bytes]:
        yield b"the beginning"
        raise EOFError

    executor.put_input(1, [b"whole"])
    with pytest.raises(EOFError):
        executor.put_input(1, broken())
    assert (executor.directory(1) / INPUT_FILE).read_bytes() == b"whole"

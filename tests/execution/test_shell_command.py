"""The built-in plugin that runs commands, as a job."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.protocol import Ended
from tests.execution.recording import Recorder, exception_of, spec, until
from tests.execution.status_server import serving

PLUGIN = "hoplite.builtin_plugins.shell_command"


def _run(executor: LocalExecutor, recorder: Recorder, **config: Any) -> tuple[Ended, Any, str]:
    """The end of the job, its last status and its standard output."""
    with serving() as server:
        executor.launch(spec(1, PLUGIN, config, server_url=f"http://{server.address}"))
        ended = recorder.end(1)
        status = server.put[-1][1]["status"] if server.put else None
    if ended.report is not None and ended.report.status is not None:
        status = msgspec.json.decode(ended.report.status)
    return ended, status, (executor.directory(1) / "stdout").read_text()


def test_a_string_goes_to_the_shell(executor: LocalExecutor, recorder: Recorder) -> None:
    ended, status, output = _run(executor, recorder, command="echo $((6 * 7)); echo no >&2")
    assert (ended.exit_code, output) == (0, "42\n")
    assert (executor.directory(1) / "stderr").read_text() == "no\n"
    assert status["pid"] > 1
    assert (status["exit_code"], status["signal"]) == (0, None)
    assert set(status["usage"]) == {"user_s", "system_s", "max_rss_bytes", "wall_s"}


def test_a_list_is_a_program_and_its_arguments(executor: LocalExecutor, recorder: Recorder) -> None:
    ended, _, output = _run(executor, recorder, command=["printf", "%s|", "a b", "$HOME"])
    assert (ended.exit_code, output) == (0, "a b|$HOME|")


def test_env_workdir_and_stdin(executor: LocalExecutor, recorder: Recorder, tmp_path: Path) -> None:
    _, _, output = _run(
        executor,
        recorder,
        command='cat; echo "$GREETING from $(pwd)"',
        env={"GREETING": "hello"},
        workdir=str(tmp_path),
        stdin="a line\n",
    )
    assert output == f"a line\nhello from {tmp_path}\n"


def test_the_exit_code_is_the_jobs(executor: LocalExecutor, recorder: Recorder) -> None:
    ended, status, _ = _run(executor, recorder, command="exit 5")
    assert (ended.exit_code, status["exit_code"], status["signal"]) == (5, 5, None)


def test_a_death_by_signal_is_128_and_more(executor: LocalExecutor, recorder: Recorder) -> None:
    ended, status, _ = _run(executor, recorder, command="kill -9 $$")
    assert (ended.exit_code, status["exit_code"], status["signal"]) == (137, None, 9)


@pytest.mark.parametrize(
    ("command", "signum", "exit_code"),
    [
        pytest.param(
            "trap 'sleep 0.3; echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done",
            signal.SIGTERM,
            None,
            id="leaves with 0",
        ),
        pytest.param(
            "trap 'sleep 0.3; echo saved; exit 7' TERM; echo up; while :; do sleep 0.05; done",
            None,
            7,
            id="leaves with a code of its own",
        ),
        pytest.param(
            "sh -c \"trap 'sleep 0.3; echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done\""
            "; exit 1",
            signal.SIGTERM,
            None,
            id="a child of a shell that obeys at once",
        ),
        pytest.param("echo up; echo saved; sleep 60", signal.SIGTERM, None, id="obeys"),
    ],
)
def test_a_command_that_catches_sigterm_has_its_grace(
    executor: LocalExecutor,
    recorder: Recorder,
    command: str,
    signum: signal.Signals | None,
    exit_code: int | None,
) -> None:
    with serving() as server:
        config = {"command": command}
        executor.launch(spec(1, PLUGIN, config, server_url=f"http://{server.address}"))
        stdout = executor.directory(1) / "stdout"
        until(lambda: stdout.exists() and "up" in stdout.read_text(), "the command's first words")
        assert executor.kill(1, grace_s=30)
        ended = recorder.end(1)
    assert "saved" in stdout.read_text()
    assert (ended.signal, ended.exit_code) == (signum, exit_code)


def test_a_command_that_ignores_sigterm_is_ended_after_its_grace(
    executor: LocalExecutor, recorder: Recorder
) -> None:
    with serving() as server:
        config = {"command": "trap '' TERM; echo up; sleep 60; sleep 60"}
        executor.launch(spec(1, PLUGIN, config, server_url=f"http://{server.address}"))
        stdout = executor.directory(1) / "stdout"
        until(lambda: stdout.exists() and "up" in stdout.read_text(), "the command's first words")
        assert executor.kill(1, grace_s=0.5)
        assert recorder.end(1).signal == signal.SIGKILL


def test_orphans_of_the_command_are_waited_for(executor: LocalExecutor, recorder: Recorder) -> None:
    """What forks twice becomes a child of the job; it must not pile up as zombies."""
    script = "for i in 1 2 3; do (true & ); done; sleep 0.2; ps -o stat= --ppid $PPID"
    ended, _, output = _run(executor, recorder, command=script)
    assert ended.exit_code == 0
    assert "Z" not in output


def test_the_truth_reaches_the_report_when_the_server_is_away(
    executor: LocalExecutor, recorder: Recorder
) -> None:
    executor.launch(spec(1, PLUGIN, {"command": "true"}))
    ended = recorder.end(1)
    assert ended.report is not None
    assert ended.report.returned
    assert ended.report.status is not None
    assert json.loads(bytes(ended.report.status))["exit_code"] == 0


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "config.command"),
        ({"command": ""}, "config.command"),
        ({"command": []}, "config.command"),
        ({"command": ["a", 1]}, "config.command"),
        ({"command": "a\0b"}, "NUL"),
        ({"command": "true", "env": {"A": 1}}, "config.env"),
        ({"command": "true", "env": {"": "1"}}, "config.env"),
        ({"command": "true", "workdir": 1}, "config.workdir"),
        ({"command": "true", "stdin": []}, "config.stdin"),
        ({"command": "true", "comand": "x"}, "no field 'comand'"),
    ],
)
def test_a_wrong_config_is_refused_by_name(
    executor: LocalExecutor, recorder: Recorder, config: dict[str, object], words: str
) -> None:
    executor.launch(spec(1, PLUGIN, config))
    record = exception_of(recorder.end(1))
    assert record["type"] == "hoplite.exceptions.InvalidFieldError"
    assert words in record["message"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"command": ["no-such-program"]}, "command not found: no-such-program"),
        ({"command": [os.devnull]}, "cannot be run"),
        ({"command": ["true"], "workdir": "/no/such/directory"}, "is no directory"),
    ],
)
def test_a_command_that_cannot_be_run_is_a_clear_failure(
    executor: LocalExecutor, recorder: Recorder, config: dict[str, object], words: str
) -> None:
    executor.launch(spec(1, PLUGIN, config))
    assert words in exception_of(recorder.end(1))["message"]

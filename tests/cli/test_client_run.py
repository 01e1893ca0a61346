"""``hoplite-client run``: its exit code is the job's, and Ctrl-C asks."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.cli.programs import Terminal, client, started
from tests.server.process import ServerProcess, wait_until

SHELL = "hoplite.plugins.shell_command"
LONG = json.dumps({"command": "echo begun; sleep 60"})


@pytest.mark.parametrize(
    ("plugin", "config", "code", "words"),
    [
        (SHELL, {"command": "true"}, 0, ""),
        (SHELL, {"command": "exit 3"}, 3, "failed: it exited with code 3"),
        (SHELL, {"command": "kill -9 $$"}, 137, "failed: it exited with code 137"),
        ("golden.raise_type_error", {}, 1, "failed: TypeError: wrong type of thing"),
        ("golden.os_exit", {"code": 0}, 1, "failed: ProcessExited: "),
        ("golden.sigkill_self", {}, 137, "failed: ProcessSignalled: "),
        ("golden.import_error", {}, 1, "failed: hoplite.exceptions.JobPluginLoadError: "),
    ],
)
def test_it_exits_as_the_job_did(
    server: ServerProcess, plugin: str, config: dict[str, object], code: int, words: str
) -> None:
    done = client(server.url, "run", plugin, json.dumps(config))
    assert done.returncode == code
    assert (words in done.stderr.splitlines()[-1]) if words else (done.stderr == "")


def test_a_job_that_runs_into_its_time_limit(server: ServerProcess) -> None:
    done = client(server.url, "run", SHELL, LONG, "--time-limit", "0.3")
    assert done.returncode == 124
    assert "timed_out" in done.stderr


def test_output_goes_where_the_job_sent_it(server: ServerProcess) -> None:
    config = json.dumps({"command": "echo out; echo err >&2; printf '\\377\\nend'"})
    done = client(server.url, "run", SHELL, config)
    assert (done.stdout, done.stderr) == ("out\n\ufffd\nend", "err\n")
    done = client(server.url, "run", SHELL, config, "--json")
    assert "out\n\ufffd\nend" in done.stderr.replace("err\n", "")
    assert "err\n" in done.stderr
    assert json.loads(done.stdout)["exit_code"] == 0


def test_progress_is_told_in_lines_without_a_terminal(server: ServerProcess) -> None:
    done = client(server.url, "run", "golden.progress", '{"total": 2, "pause": 0.2}')
    assert "hoplite-client: progress 2/2 (100%) step 2\n" in done.stderr
    assert done.stdout == ""


def running_job(server: ServerProcess) -> str:
    """The newest of those that run."""
    found = wait_until(lambda: server.get("/jobs/running")["jobs"], "a running job")
    uuid: str = max(found, key=lambda job: int(job["id"]))["uuid"]
    return uuid


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_without_a_terminal_an_interrupt_kills_the_job(
    server: ServerProcess, number: signal.Signals, code: int
) -> None:
    program = started(server.url, "run", SHELL, LONG)
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    uuid = running_job(server)
    program.send_signal(number)
    _, said = program.communicate(timeout=20)
    assert program.returncode == code
    assert server.job(uuid)["outcome"] == "killed"
    assert "killing job" in said and "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_who_said_so_before_is_detached(server: ServerProcess, number: signal.Signals) -> None:
    program = started(server.url, "run", SHELL, LONG, "--detach-on-interrupt")
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    uuid = running_job(server)
    program.send_signal(number)
    _, said = program.communicate(timeout=20)
    assert program.returncode in (130, 143)
    assert said.endswith("goes on\n")
    assert server.job(uuid)["running"]
    server.put(f"/jobs/{uuid}/kill")
    server.ended(uuid)


@pytest.fixture
def terminal(server: ServerProcess) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(*args: str) -> Terminal:
        made.append(Terminal(server.url, *args))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("answers", "outcome", "words"),
    [
        (["kill\n"], "killed", "killing job"),
        (["\n"], "killed", "killing job"),
        (["detach\n"], None, "goes on"),
        (["\x03"], None, "goes on"),
        (["follow\n", "kill\n"], "killed", "killing job"),
    ],
    ids=["kill", "default", "detach", "twice", "follow"],
)
def test_on_a_terminal_an_interrupt_asks(
    server: ServerProcess,
    terminal: Callable[..., Terminal],
    answers: list[str],
    outcome: str | None,
    words: str,
) -> None:
    program = terminal("run", SHELL, LONG)
    program.until("begun")
    uuid = running_job(server)
    program.type("\x03")
    program.until("follow on?")
    for answer in answers:
        program.type(answer)
        if answer == "\x03" and not program.shows("goes on", within_s=3):
            # It came before the answer was read for, and is heard with the next.
            program.type(answer)
        if answer == "follow\n":
            program.until("following job")
            program.shown = ""
            program.type("\x03")
            program.until("follow on?")
    assert program.exit_code() == 130
    assert words in program.shown
    job = server.job(uuid)
    if outcome is None:
        assert job["running"]
        server.put(f"/jobs/{uuid}/kill")
        job = server.ended(uuid)
        outcome = "killed"
    assert job["outcome"] == outcome


def test_a_bar_shows_progress_on_a_terminal(terminal: Callable[..., Terminal]) -> None:
    program = terminal("run", "golden.progress", '{"total": 2, "pause": 0.4}')
    program.until("step 1")
    assert program.exit_code() == 0
    assert "\u2501" in program.shown


def test_a_live_table_is_watched_on_a_terminal(
    server: ServerProcess, terminal: Callable[..., Terminal]
) -> None:
    uuid = client(
        server.url, "create", "-s", "golden.progress", '{"total": 3, "pause": 0.4}'
    ).stdout.strip()
    program = terminal("watch", uuid, "--every", "0.1")
    assert program.exit_code() == 0
    assert "100% step 3" in program.shown
    assert "\u2501" in program.shown

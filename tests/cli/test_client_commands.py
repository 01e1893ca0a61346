"""``hoplite-client``, its real script, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from hoplite.accounts import AccountStore
from hoplite.cli.client import client as group
from tests.cli.programs import client, script, started
from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until

SHELL = "hoplite.plugins.shell_command"


def shell(command: str) -> str:
    return json.dumps({"command": command})


def told(url: str, *args: str) -> Any:
    done = client(url, *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_comes_at_once() -> None:
    code = (
        "import sys\nfrom hoplite.cli.client import client\n"
        "client(['--help'], standalone_mode=False)\n"
        "heavy = {'requests', 'rich', 'flask', 'sqlite3', 'asyncio', 'importlib.metadata'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    best = min(_seconds_of("--help") for _ in range(7))
    assert best < 0.3, f"{best:.3f} s"


def _seconds_of(*args: str) -> float:
    began = time.perf_counter()
    assert client("localhost", *args).returncode == 0
    return time.perf_counter() - began


def test_the_commands_of_hoplite_15(server: ServerProcess) -> None:
    assert SHELL in client(server.url, "list").stdout.splitlines()
    uuid = client(server.url, "create", SHELL, shell("echo one")).stdout.strip()
    assert server.job(uuid)["state"] == "Hold"
    assert client(server.url, "start", uuid).stdout == f"started {uuid}\n"
    assert client(server.url, "wait", uuid).returncode == 0
    info = client(server.url, "info", uuid).stdout
    assert "\noutcome: succeeded\n" in info
    other = client(server.url, "create", "-s", SHELL, shell("sleep 60")).stdout.strip()
    listed = client(server.url, "running").stdout.splitlines()
    assert [line.split()[1:3] for line in listed[1:]] == [[SHELL, "Running"]]
    assert told(server.url, "running")[0]["uuid"] == other
    assert client(server.url, "kill", other).stdout == f"killed {other}\n"
    assert client(server.url, "wait", other).returncode == 128 + 15
    assert client(server.url, "reload").stdout.startswith("reloaded; plugins: ")
    failed = client(server.url, "create", "-s", "golden.raise_type_error").stdout.strip()
    assert client(server.url, "wait", failed).returncode == 1
    info = client(server.url, "info", failed).stdout
    assert info.endswith("TypeError: wrong type of thing\n")


def test_every_command_takes_json(server: ServerProcess) -> None:
    uuid = told(server.url, "create", SHELL, shell("echo two"))["uuid"]
    assert told(server.url, "start", uuid) == {"uuid": uuid, "started": True}
    assert told(server.url, "wait", uuid)["outcome"] == "succeeded"
    assert told(server.url, "info", uuid)["exit_code"] == 0
    assert told(server.url, "log", uuid) == {"uuid": uuid, "log": "two\n"}
    assert told(server.url, "jobs", "-n", "1")[0]["uuid"] == uuid
    lines = client(server.url, "--json", "events", uuid).stdout.splitlines()
    assert [json.loads(line)["event"] for line in lines if "status" not in line][-1] == "ended"
    assert told(server.url, "watch", uuid)["uuid"] == uuid
    assert SHELL in told(server.url, "list")
    assert SHELL in told(server.url, "reload")
    assert told(server.url, "whoami")["via"] == "kernel"
    assert told(server.url, "run", SHELL, shell("true"))["outcome"] == "succeeded"
    assert told(server.url, "kill", uuid) == {"uuid": uuid, "killed": True}
    assert told(server.url, "delete", uuid) == {"uuid": uuid, "deleted": True}
    assert told(server.url, "running") == []
    assert set(group.commands) - {"completion"} == {
        *("create", "start", "wait", "info", "log", "jobs", "events", "watch", "list", "reload"),
        *("whoami", "run", "kill", "delete", "running"),
    }


@pytest.mark.parametrize("form", ["json", "@file", "file", "-"])
def test_a_config_is_given_in_four_ways(server: ServerProcess, tmp_path: Path, form: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(shell("echo three"))
    argument = {"json": file.read_text(), "@file": f"@{file}", "file": str(file), "-": "-"}[form]
    done = client(server.url, "run", SHELL, argument, given=file.read_text())
    assert (done.returncode, done.stdout) == (0, "three\n")


def test_a_job_gets_what_the_options_say(server: ServerProcess, tmp_path: Path) -> None:
    done = client(
        server.url, "run", SHELL, shell("echo $COLOUR; pwd"), "--env", "COLOUR=red",
        "--workdir", str(tmp_path), "--time-limit", "50",
    )  # fmt: skip
    assert done.stdout == f"red\n{tmp_path}\n"
    assert told(server.url, "jobs", "-n1")[0]["timeout"] == 50


def test_jobs_are_filtered(server: ServerProcess) -> None:
    client(server.url, "run", "golden.noop")
    uuid = told(server.url, "create", "golden.noop")["uuid"]
    line = client(server.url, "jobs", "--state", "Hold", "--plugin", "golden.noop").stdout
    assert line.splitlines()[1].split()[1:3] == ["golden.noop", "Hold"]
    assert all(job["state"] == "Hold" for job in told(server.url, "jobs", "--state", "Hold"))
    assert told(server.url, "jobs", "--since", "2100-01-01") == []
    client(server.url, "delete", uuid)


def test_one_that_is_refused_does_not_stop_the_others(server: ServerProcess) -> None:
    uuids = [client(server.url, "create", "golden.noop").stdout.strip() for _ in range(2)]
    done = client(server.url, "delete", uuids[0], "no-such-job", uuids[1])
    assert done.returncode == 1
    assert done.stdout == f"deleted {uuids[0]}\ndeleted {uuids[1]}\n"
    assert done.stderr == "hoplite-client: Job with UUID: no-such-job does not exist\n"


def test_wait_gives_up_when_told_to(server: ServerProcess) -> None:
    uuid = client(server.url, "create", "-s", SHELL, shell("sleep 60")).stdout.strip()
    done = client(server.url, "wait", uuid, "--timeout", "0.2")
    assert done.returncode == 124
    assert done.stderr.endswith("it goes on\n")
    client(server.url, "kill", uuid)
    server.ended(uuid)


def test_a_log_is_followed_to_its_end(server: ServerProcess, tmp_path: Path) -> None:
    script_text = f"echo first; while ! test -e {tmp_path}/go; do sleep 0.02; done; echo last"
    uuid = client(server.url, "create", "-s", SHELL, shell(script_text)).stdout.strip()
    following = started(server.url, "log", "-f", uuid)
    assert following.stdout is not None
    assert following.stdout.readline() == "first\n"
    (tmp_path / "go").touch()
    assert following.communicate(timeout=20) == ("last\n", "")
    assert following.returncode == 0
    assert client(server.url, "log", uuid, "-n", "1").stdout == "last\n"


def test_all_events_come_until_one_has_seen_enough(server: ServerProcess) -> None:
    listening = started(server.url, "events", "--json", "--after", "0")
    assert listening.stdout is not None
    assert "event" in json.loads(listening.stdout.readline())
    listening.send_signal(2)
    _, said = listening.communicate(timeout=20)
    assert listening.returncode == 130
    assert said.splitlines()[-1] == "hoplite-client: interrupted"


def test_changes_are_watched_without_a_terminal(server: ServerProcess) -> None:
    uuid = client(
        server.url, "create", "-s", "golden.progress", '{"total": 2, "pause": 0.3}'
    ).stdout.strip()
    lines = client(server.url, "watch", uuid, "--every", "0.1").stdout.splitlines()
    assert lines[-1].endswith("2/2 (100%) step 2")
    assert "Terminated  succeeded" in lines[-1]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["-p", "1", "-a", "localhost", "list"], "connection refused: is hoplite-server", 1),
        (["-a", "no-such-host.invalid", "list"], "is not known: check its spelling", 1),
        (["-a", "http://u:p@build", "list"], "has no user or password in it", 2),
        (["create", "no.such"], "Job plugin 'no.such' does not exist", 1),
        (["run", "no.such"], "Job plugin 'no.such' does not exist", 125),
        (["wait", "999999"], "Job with UUID: 999999 does not exist", 125),
        (["run", "golden.noop", "{"], "is no JSON: ", 2),
        (["run", "golden.noop", "[1]"], "is no JSON object: give something like", 2),
        (["run", "golden.noop", "@/no/such/file"], "/no/such/file cannot be read: ", 2),
        (["run", "golden.noop", "--env", "x"], "'x' is not of the form NAME=VALUE", 2),
        (["jobs", "--state", "Nowhere"], "Nowhere", 1),
        (["jobs", "--since", "soon"], "'soon' is no time: give something like", 2),
        (["log", "-f", "-n", "3", "1"], "-f is for one stream", 2),
        (["nothing"], "No such command 'nothing'", 2),
    ],
)
def test_errors_are_one_line_that_names_what_to_do(
    server: ServerProcess, args: list[str], words: str, code: int
) -> None:
    done = client(server.url, *args)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("hoplite-client: ")
    assert words in line


def test_a_traceback_is_shown_to_who_asks(server: ServerProcess) -> None:
    done = client(server.url, "create", "no.such", "--debug")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_shells_complete_commands_plugins_and_jobs(server: ServerProcess, shell_name: str) -> None:
    printed = client(server.url, "completion", shell_name)
    assert printed.returncode == 0
    assert "_HOPLITE_CLIENT_COMPLETE" in printed.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hoplite-client ru", "plain,run"),
        ("hoplite-client -a {url} run golden.ech", "plain,golden.echo"),
        ("hoplite-client -a localhost:1 run golden.ech", ""),
    ],
)
def test_what_is_completed(server: ServerProcess, words: str, expected: str) -> None:
    words = words.format(url=server.url)
    done = subprocess.run(
        [script("hoplite-client")], capture_output=True, text=True, check=False, timeout=30,
        env={**os.environ, "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1),
             "_HOPLITE_CLIENT_COMPLETE": "bash_complete"},
    )  # fmt: skip
    assert expected in done.stdout.splitlines() or (not expected and not done.stdout)
    assert done.stderr == ""


def test_several_servers_at_once(make_server: MakeServer, server: ServerProcess) -> None:
    other = make_server().start()
    for each, word in ((server, "here"), (other, "there")):
        assert client(each.url, "run", SHELL, shell(f"echo {word}")).stdout == f"{word}\n"
    both = [
        started(each.url, "run", SHELL, shell("echo $PPID; sleep 0.3")) for each in (server, other)
    ]
    for program in both:
        said, _ = program.communicate(timeout=20)
        assert program.returncode == 0 and said.strip().isdecimal()
    assert [job["id"] for job in told(other.url, "jobs")] == [2, 1]


def test_the_address_is_taken_from_the_environment(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPLITE_ADDRESS", server.url)
    done = subprocess.run(
        [script("hoplite-client"), "list"], capture_output=True, text=True, check=True, timeout=30
    )
    assert SHELL in done.stdout


def test_a_wait_goes_on_through_a_restart_of_the_server(
    make_server: MakeServer, tmp_path: Path
) -> None:
    first = make_server().start()
    port = first.url.rpartition(":")[2]
    script_text = f"while ! test -e {tmp_path}/go; do sleep 0.02; done; echo end; exit 5"
    running = started(first.url, "run", SHELL, shell(script_text))
    wait_until(lambda: first.get("/jobs/running")["jobs"], "the job")
    first.terminate()
    second = first.start("--port", port)
    (tmp_path / "go").touch()
    said, noted = running.communicate(timeout=40)
    assert (running.returncode, said) == (5, "end\n"), noted
    assert second.job(1)["outcome"] == "failed"


def test_a_log_that_cannot_be_followed_is_shown_at_the_end(make_server: MakeServer) -> None:
    crowded = make_server("--max-streams", "1").start()
    with requests.get(f"{crowded.url}/events", stream=True, timeout=20):
        done = client(crowded.url, "run", SHELL, shell("echo out; echo err >&2; exit 2"))
    assert (done.returncode, done.stdout) == (2, "out\n")
    assert done.stderr.startswith("err\n")


def test_who_is_not_known_is_told_where_credentials_are_looked_for(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = make_server("--auth", "users").start()
    done = client(closed.url, "list")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no credentials: give credentials=, HOPLITE_TOKEN, a netrc entry" in done.stderr
    monkeypatch.setenv("HOPLITE_TOKEN", "hop_1_wrong")
    done = client(closed.url, "run", "golden.noop")
    assert done.returncode == 125
    assert "the credentials are from HOPLITE_TOKEN" in done.stderr
    assert "hop_1_wrong" not in done.stderr
    with AccountStore(closed.data_dir / "accounts.db") as accounts:
        accounts.add_user("ann", "user", "correct horse battery")
        monkeypatch.setenv("HOPLITE_TOKEN", accounts.create_token("ann", None, "").text)
    assert client(closed.url, "whoami").stdout == "ann (user, by token)\n"


def test_https_to_a_server_without_it_is_named(server: ServerProcess) -> None:
    done = client(server.url.replace("http:", "https:"), "list")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "it speaks no TLS, perhaps" in done.stderr

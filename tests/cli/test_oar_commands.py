"""``hoplite-oar``, its real script, against a real server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.programs import WITHIN_S, Terminal, script
from tests.conftest import MakeServer
from tests.server.process import ServerProcess, wait_until

CORE = ("-l", "/core=1,walltime=0:10:0")


class Oar:
    """The commands, run in a directory of the test's own."""

    def __init__(self, server: ServerProcess, place: Path) -> None:
        self.server = server
        self.place = place

    def run(self, name: str, *args: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script("hoplite-oar"), "--address", self.server.url, name, *args],
            input=given, capture_output=True, text=True, check=False, timeout=WITHIN_S,
            cwd=self.place,
        )  # fmt: skip

    def out(self, name: str, *args: str) -> str:
        done = self.run(name, *args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sub(self, *args: str) -> int:
        """The id of a new job, or of the first one of an array."""
        told = json.loads(self.out("sub", "-J", *CORE, *args))
        return int(told["id"])

    def until(self, job_id: int, state: str) -> None:
        line = f"{job_id}: {state}\n"
        wait_until(lambda: self.out("stat", "-s", "-j", str(job_id)) == line, line)

    def job(self, job_id: int) -> dict[str, Any]:
        job: dict[str, Any] = self.server.get(f"/oarapi/jobs/{job_id}.json")
        return job


@pytest.fixture
def oar(server: ServerProcess, tmp_path: Path) -> Iterator[Oar]:
    """Its jobs are deleted at the end."""
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o777)
    commands = Oar(server, place)
    yield commands
    left = json.loads(commands.out("stat", "-s", "-J"))
    if left:
        commands.run("del", *left)
        for each in left:
            server.ended(each)


def test_a_job_is_submitted_looked_at_and_deleted(oar: Oar) -> None:
    job = oar.sub("-n", "first", "--project", "tests", "sleep 60")
    oar.until(job, "Running")
    head, row = oar.out("stat", "-j", str(job)).splitlines()
    assert head.split() == ["JOB", "NAME", "USER", "SUBMITTED", "STATE", "QUEUE"]
    cells = row.split()
    assert (cells[0], cells[1], cells[4], cells[5]) == (str(job), "first", "Running", "default")
    assert oar.job(job)["launching_directory"] == str(oar.place)
    full = oar.out("stat", "-fj", str(job))
    assert full.startswith(f"Job_Id: {job}\n")
    assert "    project = tests\n" in full
    assert oar.out("del", str(job)).startswith(f"Deleting the job = {job} ...REGISTERED.\n")
    oar.until(job, "Error")
    assert str(job) not in oar.out("stat").split()


def test_json_and_yaml_are_the_servers_answers(oar: Oar) -> None:
    """The rows of the table of equivalences in OAR's document."""
    job = oar.sub("--hold", "true")
    ref = str(job)
    for form, flag, read in (("json", "-J", json.loads), ("yaml", "-Y", yaml.safe_load)):

        def answered(path: str, form: str = form, read: Any = read) -> Any:
            return _timeless(read(oar.server.request("GET", f"/oarapi{path}.{form}").text))

        def told(*args: str, flag: str = flag, read: Any = read) -> Any:
            return _timeless(read(oar.out(*args, flag)))

        assert told("stat")["items"] == answered("/jobs/details")["items"]
        assert told("stat", "-j", ref) == answered(f"/jobs/{ref}")
        assert told("stat", "-fj", ref) == answered(f"/jobs/{ref}/details")
        assert told("nodes")["items"] == answered("/resources/details")["items"]
        assert told("nodes", "-r1") == answered("/resources/1")
        assert told("stat", "-s", "-j", ref) == {ref: "Hold"}
    deleted = json.loads(oar.out("del", "-J", ref))
    assert (deleted["id"], deleted["status"]) == (ref, "Delete request registered")


def _timeless(told: Any) -> Any:
    """Without the moments at which it was told."""
    if isinstance(told, dict):
        return {key: _timeless(value) for key, value in told.items() if key != "api_timestamp"}
    return [_timeless(each) for each in told] if isinstance(told, list) else told


def test_all_options_of_a_submission_come_through(oar: Oar) -> None:
    before = oar.sub("--hold", "true")
    job = oar.sub(
        "-l", "/core=2,walltime=0:5:0", "-t", "besteffort", "-t", "idempotent", "-p", "cpuset >= 0",
        "-n", "all", "--project", "p", "-a", str(before), "--checkpoint", "30", "--signal", "10",
        "-d", "/tmp", "-O", "o.%jobid%", "-E", "e.%jobid%", "-q", "besteffort", "--hold", "echo", "one",
    )  # fmt: skip
    told = oar.job(job)
    assert told["command"] == "echo one"
    assert told["types"] == ["besteffort", "idempotent"]
    assert told["wanted_resources"].count("-l ") == 2
    assert "cpuset >= 0" in told["properties"]
    assert (told["name"], told["project"], told["queue"]) == ("all", "p", "besteffort")
    assert (told["launching_directory"], told["state"]) == ("/tmp", "Hold")
    assert told["dependencies"] == [before]
    assert (told["stdout_file"], told["stderr_file"]) == (f"o.{job}", f"e.{job}")
    request = told["initial_request"]
    assert "--checkpoint=30" in request and "--signal=10" in request


def test_a_job_is_waited_for(oar: Oar) -> None:
    done = oar.run("sub", *CORE, "--wait", "-O", "out", "echo hello; exit 3")
    assert done.returncode == 3
    assert "OAR_JOB_ID=" in done.stdout
    assert done.stderr.endswith("failed: it exited with code 3\n")
    assert (oar.place / "out").read_text() == "hello\n"
    assert oar.run("sub", *CORE, "--wait", "true").returncode == 0
    shown = oar.run("sub", *CORE, "--wait", "-J", "true")
    job = json.loads(shown.stdout)
    assert (job["state"], job["exit_code"]) == ("Terminated", 0)


def test_an_array_is_waited_for(oar: Oar) -> None:
    done = oar.run("sub", *CORE, "--array", "3", "--wait", "exit $((OAR_ARRAY_INDEX - 1))")
    assert done.returncode == 1
    assert done.stdout.count("OAR_JOB_ID=") == 3
    assert "progress 3/3 (100%) jobs have ended" in done.stderr


def test_why_a_job_waits_is_told_and_ctrl_c_lets_it_go_on(oar: Oar) -> None:
    with subprocess.Popen(
        [script("hoplite-oar"), "sub", "--address", oar.server.url, *CORE, "--hold", "--wait", "true"],
        cwd=oar.place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as waiting:  # fmt: skip
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        out, rest = waiting.communicate(timeout=WITHIN_S)
    job = int(out.rpartition("OAR_JOB_ID=")[2])
    assert said.startswith(f"hoplite-oar: job {job} waits: ")
    assert (waiting.returncode, rest) == (130, f"hoplite-oar: job {job} goes on\n")
    assert oar.job(job)["state"] == "Hold"


def test_a_script_is_sent_with_its_arguments_and_parameters(oar: Oar) -> None:
    (oar.place / "s.sh").write_text(
        '#!/bin/sh\n#OAR -n scanned\necho "$OAR_JOB_NAME: $@" >> "out.$OAR_ARRAY_INDEX"\n'
    )
    (oar.place / "parameters").write_text("# none\n2\n\n'3 4'\n")
    args = ("sub", *CORE, "--wait", "-S", "./s.sh 'a b'")
    assert oar.run(*args).returncode == 0
    assert (oar.place / "out.1").read_text() == "scanned: a b\n"
    assert oar.run(*args, "--array", "2").returncode == 0
    assert (oar.place / "out.2").read_text() == "scanned: a b\n"
    assert oar.run(*args, "--array-param-file", "parameters").returncode == 0
    assert (oar.place / "out.2").read_text().splitlines()[1] == "scanned: a b 3 4"


def test_a_job_is_held_resumed_suspended_signalled_and_resubmitted(oar: Oar) -> None:
    job = oar.sub("--hold", "trap 'touch got; exit' USR1 USR2; while :; do sleep 0.05; done")
    ref = str(job)
    assert oar.out("resume", ref).startswith(f"[{job}] Resume")
    oar.until(job, "Running")
    assert oar.out("hold", "-r", ref).startswith(f"[{job}] Hold")
    oar.until(job, "Suspended")
    oar.out("resume", ref)
    oar.until(job, "Running")
    assert "checkpoint itself" in oar.out("del", "-c", ref)
    oar.until(job, "Terminated")
    assert (oar.place / "got").exists()
    again = int(oar.out("resub", ref).rpartition("OAR_JOB_ID=")[2])
    oar.until(again, "Running")
    assert "signal itself with 10" in oar.out("del", "-s", "sigusr1", str(again))
    oar.until(again, "Terminated")
    third = int(oar.out("sub", "--resubmit", str(again)).rpartition("OAR_JOB_ID=")[2])
    assert oar.job(third)["resubmit_job_id"] == again


def test_arrays_are_acted_on_as_one(oar: Oar) -> None:
    array = oar.sub("--array", "2", "--hold", "sleep 60")
    rows = oar.out("stat", "-u", "--array", str(array)).splitlines()[1:]
    assert [row.split()[0] for row in rows] == [str(array), str(array + 1)]
    oar.out("resume", "--array", str(array))
    oar.out("del", "--array", str(array))
    for each in (array, array + 1):
        oar.until(each, "Error")


def test_resources_are_shown(oar: Oar) -> None:
    rows = [line.split() for line in oar.out("nodes").splitlines()]
    assert rows[0] == ["RESOURCE", "NODE", "STATE"]
    node = rows[1][1]
    assert oar.out("nodes", "-l") == f"{node}\n"
    assert oar.out("nodes", "-s").splitlines() == [f"{row[0]}: {row[2]}" for row in rows[1:]]
    assert f"    network_address = {node}\n" in oar.out("nodes", "-r", "1")
    assert oar.out("nodes", node, "-f").count("resource_id: ") == len(rows) - 1


def test_on_a_terminal_tables_are_made_to_fit(oar: Oar) -> None:
    job = oar.sub("--hold", "-n", "[bold]name", "true")
    terminal = Terminal(oar.server.url, "stat", "-j", str(job), program="hoplite-oar")
    try:
        assert terminal.exit_code() == 0
    finally:
        terminal.close()
    assert "\x1b[1mQUEUE" in terminal.shown
    assert "[bold]name" in terminal.shown


def test_an_error_tells_its_code_in_a_header(oar: Oar) -> None:
    for form in ("json", "yaml", "html"):
        answer = oar.server.request("GET", f"/oarapi/jobs/999999.{form}")
        assert answer.headers["Hoplite-Error"] == "job-does-not-exist"


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["del", "999999"], "999999: Job not found: there is no job 999999", 1),
        (["del"], "give the ids of jobs, or --array ID", 2),
        (["del", "x"], "'x' is not a valid integer", 2),
        (["del", "-s", "NOPE", "1"], "'NOPE' is no signal: give a number, or a name", 2),
        (["del", "-c", "-s", "2", "1"], "give -c or -s", 2),
        (["hold", "--array", "999999"], "999999: ", 1),
        (["stat", "-j", "999999"], "999999: there is no such job", 1),
        (["stat", "-Y", "-j", "999999"], "Job not found: there is no job 999999", 1),
        (["nodes", "no-such-node"], "no resource is of the node no-such-node", 1),
        (["nodes", "-r", "999999"], "999999", 1),
        (["nodes", "x", "-r", "1"], "give NODE or -r", 2),
        (["sub"], "A job must have a script, a command", 1),
        (["sub", "-I"], "cannot manage interactive jobs", 1),
        (["sub", "--array", "0", "true"], "array: ", 6),
        (["sub", "-r", "soon", "true"], "'soon' is no date; right is YYYY-MM-DD", 7),
        (["sub", "--resubmit", "999999"], "resubmit: there is no job 999999", 4),
        (["sub", "-l", "/core=100000", "true"], "not enough resources", 8),
        (["sub", "-l", "/core=", "true"], "at character 7 of '/core='", 255),
        (["sub", "-Y", "-l", "/core=", "true"], "at character 7 of '/core='", 255),
        (["sub", "-t", "nonsense", "true"], "[ADMISSION RULE] Error: unknown job type", 254),
        (["sub", "-p", "nonsense = 1", "true"], "no property 'nonsense'", 8),
        (["sub", "-q", "nonsense", "true"], "there is no queue 'nonsense'", 248),
        (["sub", "--notify", "nonsense", "true"], "notify", 250),
        (["sub", "-O", "a;b", "true"], "stdout", 244),
        (["sub", "-E", "a;b", "true"], "stderr", 243),
        (["sub", "-S", "./none.sh"], "./none.sh cannot be read: ", 2),
        (["sub", "-S", "'"], "No closing quotation", 2),
        (["sub", "-S"], "give the script as COMMAND", 2),
        (["sub", "--array-param-file", "none", "true"], "none cannot be read: ", 2),
        (["sub", "--wait", "--dry-run", "true"], "there is no job to --wait for", 2),
        (["stat", "--sql", "1=1"], "--sql", 2),
        (["--address", "localhost:1", "stat"], "connection refused", 1),
    ],
)
def test_errors_are_one_line_that_names_what_to_do(
    oar: Oar, args: list[str], words: str, code: int
) -> None:
    done = oar.run(*args) if args[0] != "--address" else oar.run(args[2], *args[:2])
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("hoplite-oar: ")
    assert words in line


def test_one_that_is_refused_does_not_stop_the_others(oar: Oar) -> None:
    jobs = [str(oar.sub("--hold", "true")) for _ in range(2)]
    done = oar.run("del", jobs[0], "999999", jobs[1])
    assert done.returncode == 1
    assert all(f"Deleting the job = {job} ...REGISTERED." in done.stdout for job in jobs)
    assert done.stderr == "hoplite-oar: 999999: Job not found: there is no job 999999\n"


def test_a_reservation_that_cannot_be_kept_is_refused_with_its_own_code(oar: Oar) -> None:
    cores = str(len(oar.out("nodes").splitlines()) - 1)
    all_of_them = ("-l", f"/core={cores},walltime=1:0:0", "-r", "2099-01-01 00:00:00", "true")
    first = int(oar.out("sub", *all_of_them).rpartition("OAR_JOB_ID=")[2])
    assert oar.run("sub", *all_of_them).returncode == 10
    oar.out("del", str(first))


def test_strangers_are_told_to_say_who_they_are(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oar = Oar(make_server("--auth", "users").start(), tmp_path)
    done = oar.run("sub", "true")
    assert done.returncode == 52
    assert "no credentials: give " in done.stderr
    monkeypatch.setenv("HOPLITE_TOKEN", "hop_1_nonsense")
    done = oar.run("sub", "true")
    assert done.returncode == 52
    assert "the credentials are from HOPLITE_TOKEN" in done.stderr


def test_the_commands_are_there_under_oars_names(oar: Oar, tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
    assert oar.out("install-aliases", str(places[0])) == oar.out("install-aliases", str(places[0]))
    done = subprocess.run(
        [places[0] / "oarsub", "--hold", "true"],
        env={**os.environ, "HOPLITE_ADDRESS": oar.server.url},
        capture_output=True, text=True, check=True, timeout=WITHIN_S,
    )  # fmt: skip
    assert "OAR_JOB_ID=" in done.stdout
    (places[1] / "oardel").write_text("another")
    refused = oar.run("install-aliases", str(places[1]))
    assert refused.returncode == 1
    assert "oardel is there already and is something else" in refused.stderr
    assert [each.name for each in places[1].iterdir()] == ["oardel"]


def test_help_comes_without_what_is_slow_to_import() -> None:
    code = (
        "import sys\nfrom hoplite.cli.oar import oar\n"
        "oar(['sub', '--help'], standalone_mode=False)\n"
        "heavy = {'requests', 'rich', 'flask', 'sqlite3', 'asyncio', 'importlib.metadata', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"

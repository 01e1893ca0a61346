"""From options to jobs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hoplite.exceptions import HopliteError, InvalidFieldError
from hoplite.model.batch import runs_nothing
from hoplite.submission.jobs import read_submission
from tests.submission.around import AROUND, batch, commands, submitted


def test_a_command_is_for_bash_and_not_expanded() -> None:
    found = submitted(command='echo "$HOME" `id`')
    assert commands(found.jobs) == ['echo "$HOME" `id`']
    assert (found.warnings, found.remarks) == ((), ())


def test_each_line_of_parameters_follows_the_command() -> None:
    found = submitted(command="sleep", param_file="1\n# no\n\n2 $X\n")
    assert commands(found.jobs) == ["sleep 1", "sleep 2 $X"]
    assert [new.batch and new.batch.command for new in found.jobs] == ["sleep 1", "sleep 2 $X"]
    assert found.remarks[-1] == "Simple array job submission is used"
    assert commands(submitted(command="x", array_param_file="lines").jobs) == ["x 1", "x 2"]


def test_the_parameters_of_a_script_follow_it() -> None:
    found = submitted(script="#!/bin/sh\n", param_file="a b\n")
    assert commands(found.jobs) == ['exec "$HOPLITE_SCRIPT" a b']
    assert found.jobs[0].batch is not None and found.jobs[0].batch.script == "#!/bin/sh\n"


def test_directives_count_when_the_script_is_scanned_only() -> None:
    script = "#!/bin/bash\n#OAR -n scanned\n#OAR -l /core=2,walltime=0:05:00\n#OAR --project p\n"
    found = batch(script=script, scanscript=1)
    assert (found.name, found.project, found.requests[0].walltime_s) == ("scanned", "p", 300)
    assert batch(script=script, scanscript="0").name is None
    assert batch(script_path="~/bin/run.sh x", scanscript=1).name == "of-the-file"
    warned = submitted(script=script, scanscript=1, name="mine")
    assert warned.jobs[0].batch is not None and warned.jobs[0].batch.name == "mine"
    assert warned.warnings[0].startswith("Warning: name")


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({}, "/home/me"),
        ({"workdir": "/tmp"}, "/tmp"),
        ({"workdir": "~"}, "/home/me"),
        ({"workdir": "~other/tmp"}, "/home/other/tmp"),
        ({"workdir": "/~/x"}, "/home/me/x"),
        ({"directory": "~/x"}, "/home/me/x"),
        ({"workdir": "/srv", "directory": "x"}, "/srv/x"),
        ({"workdir": "w", "directory": "x/../y"}, "/home/me/w/y"),
        ({"workdir": "/srv", "directory": "/tmp"}, "/tmp"),
    ],
)
def test_where_it_runs(asked: dict[str, Any], place: str) -> None:
    assert batch(command="x", **asked).launching_directory == place


@pytest.mark.parametrize(
    ("asked", "files"),
    [
        ({}, ("OAR.%jobid%.stdout", "OAR.%jobid%.stderr")),
        ({"name": "n"}, ("OAR.%jobname%.%jobid%.stdout", "OAR.%jobname%.%jobid%.stderr")),
        ({"stdout": "o.%jobid%", "stderr": "/tmp/e"}, ("o.%jobid%", "/tmp/e")),
        ({"stdout": "~/o", "stderr": "/~/e"}, ("/home/me/o", "/home/me/e")),
    ],
)
def test_where_the_output_goes(asked: dict[str, Any], files: tuple[str, str]) -> None:
    found = batch(command="x", **asked)
    assert (found.stdout, found.stderr) == files


def test_homes_in_a_command_are_those_of_oar() -> None:
    assert commands(submitted(command="cat /~/a a/~/b '/~/c'").jobs) == [
        "cat /home/me/a a/~/b '/home/me/c'"
    ]


def test_a_plugin_is_run_in_place_of_a_command() -> None:
    (new,) = submitted(plugin="p", config='{"a": 1}', type="idempotent").jobs
    assert (new.plugin, msgspec.json.decode(new.config)) == ("p", {"a": 1})
    assert new.batch is not None and new.batch.command is None
    assert new.batch.stdout is None and new.batch.launching_directory is None


def test_a_reservation_needs_nothing_to_run() -> None:
    found = submitted(reservation="2030-01-01 12:00:00")
    assert commands(found.jobs) == ["exec sleep infinity"]
    assert runs_nothing(found.jobs[0].batch) and not runs_nothing(batch(command="x"))
    assert batch(reservation="2030-01-01T12:00:00Z", command="x").starts_at == 1893499200.0


def test_queue_and_types_are_as_asked_until_the_admission_rules_see_them() -> None:
    by_type = batch(command="x", type="besteffort")
    assert (by_type.queue, by_type.types) == ("", ("besteffort",))
    by_queue = batch(command="x", queue="besteffort")
    assert (by_queue.queue, by_queue.types) == ("besteffort", ())
    assert batch(command="x", type=["bigmem", "noop"]).types == ("bigmem", "noop")


def test_the_request_is_shown_without_secrets() -> None:
    found = submitted(command="a 'b'", name="x y", hold=1, import_job_key_inline_priv="SECRET")
    assert found.jobs[0].batch is not None
    shown = found.jobs[0].batch.initial_request
    assert shown.startswith("oarsub --name='x y' --hold=1 --import-job-key-inline-priv=*** ")
    assert b"SECRET" not in msgspec.json.encode(found)
    assert "No job key is made: a job needs none here to reach its nodes" in found.remarks


def test_other_options() -> None:
    found = batch(
        command="x",
        property="mem > 1000",
        checkpoint="60",
        signal=10,
        anterior=[3, "4", 3],
        success_only=1,
        notify="mail:a@example.org",
    )
    assert (found.properties, found.filter is None) == ("mem > 1000", False)
    assert (found.checkpoint_s, found.signal, found.after) == (60.0, 10, (3, 4))
    assert (found.success_only, found.notify) == (True, "mail:a@example.org")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "command"),
        ({"command": "x", "script": "y"}, "script"),
        ({"command": "x", "plugin": "y"}, "plugin"),
        ({"command": "x", "config": {"a": 1}}, "config"),
        ({"command": "x", "resource": "garbage"}, "resource"),
        ({"command": "x", "property": "nosuch = 1"}, "property"),
        ({"command": "x", "array": 0}, "array"),
        ({"command": "x", "array": 101}, "array"),
        ({"command": "x", "array": 2, "param_file": "1\n"}, "array"),
        ({"command": "x", "param_file": "# no\n"}, "param_file"),
        ({"command": "x", "param_file": "1\n", "array_param_file": "lines"}, "array-param-file"),
        ({"command": "x", "array_param_file": "/etc/nosuch"}, "array-param-file"),
        ({"plugin": "x", "param_file": "1\n"}, "param_file"),
        ({"script": "x" * 1001}, "script"),
        ({"command": "x", "scanscript": 1}, "scanscript"),
        ({"script_path": "'", "scanscript": 1}, "script_path"),
        ({"command": "x", "stdout": "a:b"}, "stdout"),
        ({"command": "x", "stderr": "a\\b'"}, "stderr"),
        ({"command": "x", "workdir": "~nobody-here/x"}, "workdir"),
        ({"command": "x", "reservation": "tomorrow"}, "reservation"),
        ({"command": "x", "reservation": "2030-13-01 00:00:00"}, "reservation"),
        ({"command": "x", "checkpoint": -1}, "checkpoint"),
        ({"command": "x" * 131_072}, "command"),
        ({"command": "x", "signal": 65}, "signal"),
        ({"command": "x", "notify": "exec:/bin/rm $HOME"}, "notify"),
        ({"command": "x", "notify": "[NEVER]mail:a@example.org"}, "notify"),
        ({"command": "x", "notify": "a@example.org"}, "notify"),
    ],
)
def test_what_is_refused_is_named(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        submitted(**asked)
    assert refused.value.field == field
    assert str(refused.value)


@pytest.mark.parametrize(
    "notice",
    ["mail:a.b@example.org", "[END,ERROR]mail:a@b", "exec:/usr/bin/tell me -x", "[RUNNING] exec:x"],
)
def test_notices_are_kept_as_they_are(notice: str) -> None:
    assert batch(command="x", notify=notice).notify == notice


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"command": "#" * 100_000, "array": 1000}, "command"),
        ({"command": "#" * 100_000, "param_file": "1\n" * 1000}, "command"),
        ({"plugin": "p", "config": {"x": "y" * 100_000}, "array": 1000}, "config"),
        ({"command": "x", "resource": ["/core=1"] * 1000, "array": 1000}, "resource"),
    ],
)
def test_what_an_array_keeps_for_each_job_is_bounded(options: dict[str, Any], field: str) -> None:
    roomy = msgspec.structs.replace(AROUND, max_array=10_000)
    with pytest.raises(InvalidFieldError, match="for each of 1000 jobs are too much") as refused:
        read_submission(options, roomy)
    assert refused.value.field == field
    assert len(read_submission({**options, "array": 1, "param_file": None}, roomy).jobs) == 1


def test_an_array_of_large_scripts_is_refused() -> None:
    roomy = msgspec.structs.replace(AROUND, max_script_bytes=1 << 20)
    with pytest.raises(HopliteError, match="for each of 100 jobs"):
        read_submission({"script": "#" * 1_000_000, "array": 100}, roomy)

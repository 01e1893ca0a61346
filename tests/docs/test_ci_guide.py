"""The shell blocks of the CI guide, run as they stand there, against a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.programs import script
from tests.server.process import ServerProcess

GUIDE = Path(__file__).parents[2] / "docs" / "ci.rst"


def blocks(language: str) -> list[str]:
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(rf"\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", text)
    return [re.sub(r"(?m)^   ", "", block).strip() + "\n" for block in found]


def shell(text: str, url: str) -> subprocess.CompletedProcess[str]:
    folder = script("hoplite-client").parent
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HOPLITE_")}
    environ |= {"PATH": f"{folder}{os.pathsep}{environ['PATH']}", "HOPLITE_ADDRESS": url}
    return subprocess.run(
        ["sh", "-eu", "-c", text.replace("http://127.0.0.1:5000", url)],
        capture_output=True, text=True, check=False, timeout=60, env=environ,
    )  # fmt: skip


def fails(block: str) -> str:
    """The block with a job that exits with 3."""
    return re.sub(r'"command": "[^"]*"', '"command": "echo it broke; exit 3"', block)


def test_there_are_as_many_as_are_run_here() -> None:
    assert len(blocks("sh")) == 4
    assert len(blocks("python")) == 1


@pytest.mark.parametrize(("number", "said"), [(0, "testing\n"), (1, "measured\n"), (3, "built\n")])
def test_a_build_shows_the_output_and_fails_as_the_job_does(
    server: ServerProcess, number: int, said: str
) -> None:
    block = blocks("sh")[number]
    if "curl" in block and shutil.which("curl") is None:
        pytest.skip("curl is not installed here")
    done = shell(block, server.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(said)
    failed = shell(fails(block).replace("$$", "$$-2"), server.url)
    assert failed.returncode == (1 if "curl" in block else 3), failed.stderr
    assert failed.stdout.endswith("it broke\n")


def test_json_is_taken_apart(server: ServerProcess) -> None:
    server.ended(server.run("golden.noop")["uuid"])
    done = shell(blocks("sh")[2], server.url)
    assert (done.returncode, done.stdout.strip()) == (0, server.job(_newest(server))["outcome"])


def _newest(server: ServerProcess) -> int:
    newest: int = server.get("/jobs?state=Terminated&limit=1")["jobs"][0]["id"]
    return newest


def test_the_program_in_python(server: ServerProcess) -> None:
    (program,) = blocks("python")
    program = program.replace('"127.0.0.1"', repr(server.url))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "done"

"""The tutorial for plugin authors, followed as it stands there, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.programs import script
from tests.server.environment import ServerEnvironment
from tests.server.process import ServerProcess

TUTORIAL = Path(__file__).parents[2] / "docs" / "plugin-tutorial.rst"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the files of the tutorial."""
    folder = tmp_path_factory.mktemp("tutorial")
    pattern = r"\.\. code-block:: \w+\n   :caption: (\S+)\n\n((?:   .*\n|\n)+)"
    for name, text in re.findall(pattern, TUTORIAL.read_text(encoding="utf-8")):
        (folder / name).write_text(re.sub(r"(?m)^   ", "", text))
    return folder


@pytest.fixture(scope="module")
def server(
    environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    data_dir = tmp_path_factory.mktemp("tutorial-server") / "data"
    running = ServerProcess(data_dir, python=environment.python, environ=OFFLINE).start()
    yield running
    running.close()
    environment.uninstall("disk-speed")


def test_the_test_of_the_plugin_passes(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        capture_output=True, text=True, check=False, cwd=folder, timeout=50,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_steps_do_what_they_say(folder: Path, server: ServerProcess) -> None:
    assert shell(folder, "install.sh", server).stdout.splitlines()[-1] == "disk.speed"
    done = shell(folder, "run.sh", server)
    assert "done\n" in done.stdout
    assert server.job(2)["status"]["mib_per_s"] > 0
    failed = shell(folder, "fail.sh", server)
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert last in TUTORIAL.read_text(encoding="utf-8")


def shell(folder: Path, name: str, server: ServerProcess) -> subprocess.CompletedProcess[str]:
    programs = script("hoplite-client").parent
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HOPLITE_")}
    environ |= {
        "PATH": f"{programs}{os.pathsep}{environ['PATH']}",
        "HOPLITE_ADDRESS": server.url,
    }
    return subprocess.run(
        ["sh", "-eu", name], cwd=folder, capture_output=True, text=True, check=False, timeout=50,
        env=environ,
    )  # fmt: skip

"""Every block of README's quick start, run as it stands there, against a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.environment import ServerEnvironment
from tests.server.process import ServerProcess

CLONE = Path(__file__).parents[2]
WRITTEN_URL = "http://127.0.0.1:5000"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")


def blocks() -> list[str]:
    """The shell blocks of the quick start, in order."""
    text = (CLONE / "README.rst").read_text(encoding="utf-8")
    quick_start = text.split(".. quick-start\n")[1].split(".. quick-start-end")[0]
    found = re.findall(r"\.\. code-block:: sh\n\n((?:   .*\n|\n)+)", quick_start)
    return [re.sub(r"(?m)^   ", "", block).strip() + "\n" for block in found]


@pytest.fixture
def clone(tmp_path: Path, environment: ServerEnvironment) -> Iterator[Path]:
    """What a user's clone has of what the blocks name: ``.venv`` and the example package."""
    folder = tmp_path / "clone"
    clean = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(CLONE / "docs" / "examples", folder / "docs" / "examples", ignore=clean)
    scripts = folder / ".venv" / "bin"
    scripts.mkdir(parents=True)
    # The test's environment has setuptools already: pip must not look for it on the network.
    options = "--no-deps --no-build-isolation --no-index"
    (scripts / "pip").write_text(
        f'#!/bin/sh\nwhat=$1; shift\nexec "{environment.python}" -m pip "$what" {options} "$@"\n'
    )
    (scripts / "pip").chmod(0o755)
    yield folder
    for name in ("counter", "hoplite-folder-report"):
        environment.uninstall(name)


@needs_curl
def test_the_quick_start_does_what_it_says(
    clone: Path, environment: ServerEnvironment, tmp_path: Path
) -> None:
    server = ServerProcess(tmp_path / "data", python=environment.python).start()
    (tmp_path / "tree").mkdir()
    for name in ("a", "b"):
        (tmp_path / "tree" / name).write_text("the same\n")
    told = []
    try:
        for block in blocks():
            script = block.replace(WRITTEN_URL, server.url)
            script = script.replace("/usr/share/doc", str(tmp_path / "tree"))
            script = script.replace("/tmp/folder-report", str(tmp_path / "folder-report"))
            script = script.replace('"/tmp"', f'"{tmp_path}"')
            script = script.replace("/tmp/oar.txt", str(tmp_path / "oar.txt"))
            told.append(shell(script, clone))
        assert '"hoplite.plugins.shell_command"' in told[0]
        assert told[2].endswith("hello\ndone\n")
        assert server.job(2)["status"]["reached"] == 20
        assert "now at 19" in server.request("GET", "/jobs/2/log").text
        report: dict[str, Any] = server.job(4)
        assert report["outcome"] == "succeeded"
        assert report["status"]["largest"][0]["paths"] == ["a", "b"]
        assert (
            told[-1].splitlines()[-1] == server.get("/oarapi/resources/1.json")["network_address"]
        )
    finally:
        server.close()


def shell(script: str, folder: Path) -> str:
    """What ``script`` prints; it must not fail."""
    done = subprocess.run(
        ["sh", "-euc", script], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    assert '"error"' not in done.stdout, f"{script}\n{done.stdout}"
    return done.stdout

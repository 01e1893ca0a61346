"""The example package, installed by pip and run through HTTP on real files."""

from __future__ import annotations

import email
import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.environment import ServerEnvironment
from tests.server.process import ServerProcess

PACKAGE = Path(__file__).parents[2] / "docs" / "examples" / "hoplite_folder_report"
LARGE_FILES = 4
LARGE_BYTES = 48 << 20


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The standard library's ``email`` twice, with changes, and files that take time to hash."""
    folder = tmp_path_factory.mktemp("real") / "tree"
    source = Path(email.__file__).parent
    for copy in ("first", "second"):
        shutil.copytree(source, folder / copy, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "second" / "parser.py").write_text("changed\n")
    (folder / "second" / "utils.py").unlink()
    (folder / "second" / "new.py").write_text("new\n")
    for n in range(LARGE_FILES):
        with (folder / f"large-{n}").open("wb") as file:
            file.write(b"%d" % (n % 2))
            file.truncate(LARGE_BYTES)
    return folder


@pytest.fixture(scope="module")
def reporting(
    environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server that knew nothing of the package when it started."""
    data_dir = tmp_path_factory.mktemp("reporting") / "data"
    server = ServerProcess(data_dir, python=environment.python).start()
    clean = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    source = data_dir.with_name("source")
    environment.install_from(shutil.copytree(PACKAGE, source, ignore=clean))
    server.put("/reload")
    yield server
    assert server.alive
    server.close()
    environment.uninstall("hoplite-folder-report")


def hashes(tree: Path) -> dict[str, str]:
    """What hashlib says of each file."""
    return {
        str(path.relative_to(tree)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tree.rglob("*")
        if path.is_file()
    }


def watched(server: ServerProcess, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The job after each change that is seen, its end last."""
    while not job["finished"]:
        since = job["version"]
        job = server.job(f"{job['uuid']}?wait=30&for=change&since={since}")
        yield job


def test_a_real_tree_is_hashed_and_its_duplicates_found(
    reporting: ServerProcess, tree: Path
) -> None:
    server, expected = reporting, hashes(tree)
    *seen, hashed = watched(server, server.run("folder_report.hash_tree", {"folder": str(tree)}))
    assert hashed["outcome"] == "succeeded", hashed
    total = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    done = [job["progress"]["done"] for job in seen if job["running"] and "progress" in job]
    assert len(set(done)) > 5 and done == sorted(done)
    assert any(0 < step < total for step in done)
    assert hashed["progress"]["done"] == hashed["progress"]["total"] == total
    assert (hashed["status"]["files"], hashed["status"]["bytes"]) == (len(expected), total)
    index = Path(hashed["status"]["index"])
    _, *records = [json.loads(line) for line in index.read_text().splitlines()]
    assert {one["path"]: one["sha256"] for one in records} == expected

    run = server.run("folder_report.duplicates", {"index": str(index), "show": 1000})
    found = server.ended(run["uuid"])
    assert found["outcome"] == "succeeded", found
    same: dict[str, list[str]] = defaultdict(list)
    for path, digest in expected.items():
        if (tree / path).stat().st_size:
            same[digest].append(path)
    groups = sorted(sorted(paths) for paths in same.values() if len(paths) > 1)
    assert found["status"]["groups"] == len(groups)
    assert sorted(one["paths"] for one in found["status"]["largest"]) == groups
    assert ["large-0", "large-2"] in groups and [
        "first/parser.py",
        "second/parser.py",
    ] not in groups


def test_a_config_that_cannot_be_used_is_told_in_words(reporting: ServerProcess) -> None:
    run = reporting.run("folder_report.hash_tree", {"folder": "relative"})
    ended = reporting.ended(run["uuid"])
    assert ended["outcome"] == "failed"
    assert "give an absolute path" in ended["reason"]
    assert ended["status"]["exception"]["type"] == "folder_report.config.ConfigError"


def test_a_report_can_be_killed_half_way(reporting: ServerProcess, tree: Path) -> None:
    run = reporting.run("folder_report.hash_tree", {"folder": str(tree)})
    next(job for job in watched(reporting, run) if job.get("progress"))
    reporting.put(f"/jobs/{run['uuid']}/kill")
    ended = reporting.ended(run["uuid"])
    assert ended["outcome"] == "killed"
    assert ended["progress"]["done"] < ended["progress"]["total"]

"""Packages come, change and go while the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.environment import Environment
from tests.server.environment import ServerEnvironment
from tests.server.process import ServerProcess, wait_until

CODE = '''
import os, time


def run(config, status):
    """Tell the version {version}."""
    status.update({{"version": {version}}})
    while "path" in config and not os.path.exists(config["path"]):
        time.sleep(0.01)
    status.update({{"still": {version}}})
'''

BAD_IMPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "hangs": (
        "import time\nwhile True:\n    time.sleep(1)\n",
        {"outcome": "timed_out", "signal": 15},
    ),
    "exits": ("import os\nos._exit(3)\n", {"outcome": "failed", "exit_code": 3}),
    "says_0": ("import os\nos._exit(0)\n", {"outcome": "failed", "exit_code": 0}),
    "crashes": (
        "import ctypes\nctypes.string_at(0)\n",
        {"outcome": "failed", "signal": 11, "exit_code": None},
    ),
    "raises": ("raise SystemExit(4)\n", {"outcome": "failed", "exit_code": 1}),
}


@pytest.fixture(scope="module")
def reloading(
    environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server run by the interpreter of ``environment``."""
    data_dir = tmp_path_factory.mktemp("reloading") / "data"
    server = ServerProcess(data_dir, python=environment.python).start()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


def names(server: ServerProcess) -> list[str]:
    plugins: list[str] = server.get("/job_plugins")["job_plugins"]
    return plugins


def test_an_installed_package_is_there_after_reload(
    environment: ServerEnvironment, reloading: ServerProcess
) -> None:
    environment.install("comes", "1.0", CODE.format(version=1))
    before = reloading.request("POST", "/jobs", json={"name": "comes.job"})
    assert (before.status_code, before.json()["code"]) == (404, "job-plugin-does-not-exist")
    assert "comes.job" not in names(reloading)
    assert reloading.put("/reload") == {}
    assert "comes.job" in names(reloading)
    details = {one["name"]: one for one in reloading.get("/job_plugins?details=1")["details"]}
    assert details["comes.job"] == {
        "name": "comes.job",
        "package": "comes",
        "version": "1.0",
        "doc": "Tell the version 1.",
        "entry_point": "comes",
    }
    ended = reloading.ended(reloading.run("comes.job")["uuid"])
    assert (ended["outcome"], ended["status"]) == ("succeeded", {"version": 1, "still": 1})


def test_an_upgrade_leaves_running_jobs_alone(
    environment: ServerEnvironment, reloading: ServerProcess, tmp_path: Path
) -> None:
    environment.install("changes", "1.0", CODE.format(version=1))
    reloading.put("/reload")
    go_on = tmp_path / "go-on"
    old = reloading.run("changes.job", {"path": str(go_on)})["uuid"]
    wait_until(lambda: reloading.job(old)["status"] == {"version": 1}, "the first version")
    environment.install("changes", "2.0", CODE.format(version=2))
    reloading.put("/reload")
    new = reloading.ended(reloading.run("changes.job")["uuid"])
    assert new["status"] == {"version": 2, "still": 2}
    (plugin,) = (
        one
        for one in reloading.get("/job_plugins?details=1")["details"]
        if one["name"] == "changes.job"
    )
    assert (plugin["version"], plugin["doc"]) == ("2.0", "Tell the version 2.")
    assert reloading.job(old)["running"]
    go_on.touch()
    ended = reloading.ended(old)
    assert (ended["outcome"], ended["status"]) == ("succeeded", {"version": 1, "still": 1})


def test_an_uninstalled_package_is_gone_after_reload(
    environment: ServerEnvironment, reloading: ServerProcess
) -> None:
    """A job created before says clearly why it cannot run."""
    environment.install("goes", "1.0", CODE.format(version=1))
    reloading.put("/reload")
    first, second = (reloading.create("goes.job")["uuid"] for _ in range(2))
    environment.uninstall("goes")
    reloading.put(f"/jobs/{first}/start")
    unloaded = reloading.ended(first)
    assert (unloaded["outcome"], unloaded["exit_code"]) == ("failed", 1)
    assert "module 'goes' cannot be imported" in unloaded["reason"]
    reloading.put("/reload")
    assert "goes.job" not in names(reloading)
    assert reloading.request("POST", "/jobs", json={"name": "goes.job"}).status_code == 404
    reloading.put(f"/jobs/{second}/start")
    removed = reloading.ended(second)
    assert (removed["outcome"], removed["started_at"]) == ("failed", None)
    assert "the plugin 'goes.job' was removed" in removed["reason"]
    assert removed["status"]["exception"]["type"] == "JobLaunchError"


def test_a_new_pth_file_is_followed(
    environment: ServerEnvironment, reloading: ServerProcess, tmp_path: Path
) -> None:
    """As an editable install makes one."""
    add_plugin(environment, "editable", CODE.format(version=1), site=tmp_path)
    (environment.site / "__editable__.editable.pth").write_text(f"{tmp_path}\n")
    reloaded = reloading.request("POST", "/job_plugins/reload")
    assert reloaded.status_code == 200
    assert "editable.job" in reloaded.json()["job_plugins"] == names(reloading)
    assert str(tmp_path) in reloading.get("/job_plugins/paths")["paths"]
    ended = reloading.ended(reloading.run("editable.job")["uuid"])
    assert ended["status"] == {"version": 1, "still": 1}
    (environment.site / "__editable__.editable.pth").unlink()
    reloading.put("/reload")
    assert "editable.job" not in names(reloading)
    assert str(tmp_path) not in reloading.get("/job_plugins/paths")["paths"]


def add_plugin(environment: Environment, name: str, code: str, site: Path | None = None) -> None:
    environment.add(
        name,
        entry_points={f"{name}.job": name},
        files={f"{name}.py": code},
        group="hoplite.jobs",
        site=site,
    )


@pytest.mark.parametrize("name", BAD_IMPORTS)
def test_a_plugin_that_cannot_be_imported_fails_its_job_only(
    environment: ServerEnvironment, reloading: ServerProcess, name: str
) -> None:
    code, facts = BAD_IMPORTS[name]
    add_plugin(environment, name, code)
    reloading.put("/reload")
    assert f"{name}.job" in names(reloading)
    bad = reloading.run(f"{name}.job", timeout=0.5)
    good = reloading.run("golden.echo", {"a": 1})
    ended = reloading.ended(bad["uuid"])
    assert {key: ended[key] for key in facts} == facts
    assert ended["status"]["exception"]["message"]
    assert reloading.ended(good["uuid"])["outcome"] == "succeeded"
    assert {bad["uuid"], good["uuid"]} <= {
        job["uuid"] for job in reloading.get("/jobs?limit=10")["jobs"]
    }

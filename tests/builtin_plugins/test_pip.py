"""Packages that are installed and removed through jobs of a real server, by real pip."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

import hoplite
from hoplite.accounts import AccountStore
from hoplite.client import RemoteJobManager
from hoplite.client.pip import Error, remote_install
from hoplite.client.pip_command import pip_words
from hoplite.exceptions import JobFailedError
from tests.server.environment import PYPROJECT, ServerEnvironment
from tests.server.process import ServerProcess

OFFLINE = ["--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
INSTALL = "hoplite.plugins.install_python_package_job"
UNINSTALL = "hoplite.plugins.uninstall_python_package_job"


@pytest.fixture(scope="module")
def server(
    environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """One that runs in an environment of its own."""
    data_dir = tmp_path_factory.mktemp("pip") / "data"
    running = ServerProcess(data_dir, python=environment.python).start()
    yield running
    assert "defect" not in running.log_text()
    running.close()


@pytest.fixture
def manager(server: ServerProcess) -> Iterator[RemoteJobManager]:
    with RemoteJobManager(server.url) as manager:
        yield manager


def package(folder: Path, name: str) -> str:
    """The source of a package with one plugin, ``<name>.job``."""
    source = folder / name
    source.mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT.format(name=name, version="1.0"))
    (source / f"{name}.py").write_text("def run(config, status):\n    status.update({'ran': 1})\n")
    return str(source)


def test_a_package_is_there_when_the_job_has_ended_and_gone_after_the_other(
    manager: RemoteJobManager, tmp_path: Path
) -> None:
    words = ["install", *OFFLINE, package(tmp_path, "pip_one")]
    job = manager.run(INSTALL, {"PIP_CMD": words})
    status = job.status()
    assert (status["succeeded"], status["reloaded"]) == (True, True)
    assert "Successfully installed pip_one-1.0" in status["stdout"].replace("pip-one", "pip_one")
    assert job.log("stdout") == status["stdout"]
    assert manager.run("pip_one.job").status() == {"ran": 1}
    gone = manager.run(UNINSTALL, {"PACKAGE": "pip_one"})
    assert gone.status()["succeeded"] is True
    assert "pip_one.job" not in manager.get_job_plugins()


def test_the_library_installs_and_uninstalls(server: ServerProcess, tmp_path: Path) -> None:
    source = package(tmp_path, "pip_two")
    said = hoplite.remote_install_python_package(server.url, source, options=OFFLINE)
    assert "Successfully installed" in said
    with RemoteJobManager(server.url) as manager:
        assert "pip_two.job" in manager.get_job_plugins()
        said = hoplite.remote_uninstall_python_package(server.url, "pip_two")
        assert "Successfully uninstalled" in said
        assert "pip_two.job" not in manager.get_job_plugins()
    remote_install(server.url, source, options=" ".join(OFFLINE))
    hoplite.remote_uninstall_python_package(server.url, "pip_two")


def test_a_job_that_pip_failed_fails_and_says_why(manager: RemoteJobManager) -> None:
    with pytest.raises(JobFailedError, match="no_such_package_at_all") as raised:
        manager.run(INSTALL, {"PIP_CMD": "--no-index no_such_package_at_all"})
    status = raised.value.status
    assert status["succeeded"] is False
    assert status["errors"][0] == "Pip returned a non-zero error code"
    assert "No matching distribution" in status["stdout"]


def test_what_the_library_raises_has_the_output_of_pip(server: ServerProcess) -> None:
    with pytest.raises(RuntimeError, match="(?s)Output of pip: .*No matching distribution"):
        hoplite.remote_install_python_package(server.url, "nothing_such", options=["--no-index"])
    with pytest.raises(Error, match="No matching distribution"):
        remote_install(server.url, "nothing_such", options="--no-index")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "No local path specified"),
        ({"PIP_CMD": 3}, "config.PIP_CMD is neither"),
        ({"PIP_CMD": 'install "x'}, "No closing quotation"),
        ({"LOCAL_PATH": ["x"]}, "config.LOCAL_PATH must be a path"),
    ],
)
def test_a_config_that_is_none_is_named(
    manager: RemoteJobManager, config: dict[str, object], words: str
) -> None:
    with pytest.raises(JobFailedError, match=words) as raised:
        manager.run(INSTALL, config)
    assert raised.value.status["succeeded"] is False
    assert words in raised.value.status["errors"][0]


@pytest.mark.parametrize("config", [{}, {"PACKAGE": []}, {"PACKAGE": ["a", 1]}])
def test_uninstalling_nothing_is_refused(
    manager: RemoteJobManager, config: dict[str, object]
) -> None:
    with pytest.raises(JobFailedError, match=r"config.PACKAGE must be the name") as raised:
        manager.run(UNINSTALL, config)
    assert raised.value.status["succeeded"] is False


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("install x", ["install", "x"]),
        ("x --upgrade", ["install", "x", "--upgrade"]),
        ("install '/a b/c'", ["install", "/a b/c"]),
        ("uninstall x", ["uninstall", "x", "--yes"]),
        ("uninstall -y x", ["uninstall", "-y", "x"]),
        (["x y"], ["install", "x y"]),
    ],
)
def test_a_command_for_pip_is_read_as_hoplite_15_did(
    command: str | list[str], words: list[str]
) -> None:
    assert pip_words(command) == words


def test_where_the_kernel_is_not_asked_the_caller_has_the_server_reload(
    environment: ServerEnvironment, tmp_path: Path
) -> None:
    server = ServerProcess(tmp_path / "data", "--auth", "users", python=environment.python).start()
    try:
        with AccountStore(tmp_path / "data" / "accounts.db") as accounts:
            me = pwd.getpwuid(os.getuid()).pw_name
            accounts.add_user(me, "admin", "correct horse battery")
            token = accounts.create_token(me, None, "").text
        source = package(tmp_path, "pip_three")
        hoplite.remote_install_python_package(
            server.url, source, options=OFFLINE, credentials=token
        )
        with RemoteJobManager(server.url, credentials=token) as manager:
            job = manager.get_job(1)
            assert job.status()["reloaded"] is False
            assert "the server has yet to reload" in job.log("stderr")
            assert "pip_three.job" in manager.get_job_plugins()
    finally:
        server.close()
        environment.uninstall("pip_three")

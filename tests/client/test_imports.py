"""What is imported by which name, and what that costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import hoplite
import hoplite.client


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("hoplite.client", "RemoteJobManager"),
        ("hoplite.client", "RemoteJob"),
        ("hoplite.client", "StatusUpdater"),
        ("hoplite.client", "MockStatusUpdater"),
        ("hoplite.client.remote_job_manager", "RemoteJobManager"),
        ("hoplite.client.remote_job", "RemoteJob"),
        ("hoplite.client.status_updater", "StatusUpdater"),
        ("hoplite.client.status_updater", "MockStatusUpdater"),
        ("hoplite.client.helpers", "ClientMixin"),
        ("hoplite", "is_hoplite_available"),
        ("hoplite", "wait_for_hoplite"),
        ("hoplite", "remote_install_python_package"),
        ("hoplite", "remote_uninstall_python_package"),
        ("hoplite.client.pip", "remote_install"),
        ("hoplite.client.pip", "Error"),
        ("hoplite.public_api", "install_python_package"),
        ("hoplite.public_api", "uninstall_python_package"),
        ("hoplite.public_api", "run_cmd_command"),
        ("hoplite.public_api", "is_hoplite_available"),
        ("hoplite.public_api", "wait_for_hoplite"),
        ("hoplite.exceptions", "JobFailedError"),
        ("hoplite.exceptions", "JobPluginLoadError"),
        ("hoplite.exceptions", "JobNotStartedError"),
        ("hoplite.exceptions", "JobAlreadyStartedError"),
        ("hoplite.exceptions", "NotAuthorizedError"),
        ("hoplite.exceptions", "JobDoesNotExistError"),
        ("hoplite.exceptions", "JobPluginDoesNotExistError"),
        ("hoplite.exceptions", "InternalServerError"),
        ("hoplite.exceptions", "TimeoutError"),
        ("hoplite.exceptions", "ConnectionError"),
        ("hoplite.exceptions", "HopliteError"),
    ],
)
def test_the_names_of_hoplite_15(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name).__name__ == name


def test_every_public_name_is_there() -> None:
    for package in (hoplite, hoplite.client):
        for name in package.__all__:
            assert getattr(package, name) is not None
        with pytest.raises(AttributeError):
            getattr(package, "no_such_name")  # noqa: B009 - mypy knows that there is none
    assert set(hoplite.client.__all__) <= set(dir(hoplite.client))


@pytest.mark.parametrize(
    "line",
    [
        "import hoplite, hoplite.client, hoplite.exceptions",
        "from hoplite.client import StatusUpdater, MockStatusUpdater",
        "from hoplite.client.status_updater import StatusUpdater",
        "from hoplite.exceptions import JobFailedError",
    ],
)
def test_a_job_that_reports_pays_for_no_http_library(line: str) -> None:
    check = f"{line}; import sys; print(*sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())
    assert "hoplite.exceptions" in loaded or "hoplite.client" in loaded
    assert not loaded & {"requests", "urllib3", "msgspec", "ssl", "http.client", "flask"}

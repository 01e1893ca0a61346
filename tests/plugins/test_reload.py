"""What is installed, upgraded, removed or broken between two reloads."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hoplite.exceptions import InternalServerError
from hoplite.plugins.source import EntryPointSource
from tests.plugins.environment import Environment, pip_install

GROUP = "hoplite.test"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return Environment(tmp_path / "environment")


@pytest.fixture
def source(environment: Environment) -> EntryPointSource:
    return EntryPointSource(GROUP, python=environment.python)


def test_a_group_that_nobody_uses_is_empty(source: EntryPointSource) -> None:
    assert dict(source.plugins()) == {}
    assert source.problems() == []


def test_an_installed_package_is_seen_after_a_reload_only(
    source: EntryPointSource, environment: Environment
) -> None:
    assert dict(source.plugins()) == {}
    environment.add("late", entry_points={"late.job": "late"}, files={"late.py": ""})
    assert dict(source.plugins()) == {}
    source.reload()
    assert list(source.plugins()) == ["late.job"]


def test_an_upgrade_and_a_removal_are_seen(
    source: EntryPointSource, environment: Environment
) -> None:
    environment.add("jobs", version="1", entry_points={"old": "jobs"}, files={"jobs.py": ""})
    assert source.plugins()["old"].version == "1"
    environment.add("jobs", version="2", entry_points={"new": "jobs"}, files={})
    source.reload()
    assert {name: plugin.version for name, plugin in source.plugins().items()} == {"new": "2"}
    environment.remove("jobs")
    source.reload()
    assert dict(source.plugins()) == {}


def test_a_new_pth_file_is_seen(
    source: EntryPointSource, environment: Environment, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    environment.add(
        "linked", entry_points={"linked": "linked"}, files={"linked.py": ""}, site=elsewhere
    )
    assert str(elsewhere) not in source.paths()
    (environment.site / "linked.pth").write_text(f"{elsewhere}\n")
    source.reload()
    assert str(elsewhere) in source.paths()
    assert list(source.plugins()) == ["linked"]


def test_what_pip_installs_is_seen(
    source: EntryPointSource,
    environment: Environment,
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "piped"\nversion = "3.2"\n'
        f'[project.entry-points."{GROUP}"]\n"piped.job" = "piped"\n'
        '[tool.setuptools]\npy-modules = ["piped"]\n'
    )
    (project / "piped.py").write_text('def run(config, status):\n    """Through the pipe."""\n')
    pip_install(project, environment.site)
    plugin = source.plugins()["piped.job"]
    assert (plugin.package, plugin.version, plugin.doc) == ("piped", "3.2", "Through the pipe.")


def test_the_working_directory_is_no_source_of_plugins(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    environment.add("planted", entry_points={"planted": "os"}, files={}, site=here)
    monkeypatch.chdir(here)
    source = EntryPointSource(GROUP, python=environment.python)
    assert dict(source.plugins()) == {}


def test_output_of_a_pth_file_does_not_matter(
    source: EntryPointSource, environment: Environment
) -> None:
    environment.add("quiet", entry_points={"quiet": "quiet"}, files={"quiet.py": ""})
    (environment.site / "loud.pth").write_text("import sys; print('{\"plugins\": 1}')\n")
    assert list(source.plugins()) == ["quiet"]


def test_an_interpreter_that_cannot_start_keeps_what_was_known(
    source: EntryPointSource, environment: Environment
) -> None:
    environment.add("kept", entry_points={"kept": "kept"}, files={"kept.py": ""})
    source.reload()
    python = Path(environment.python)
    python.unlink()
    with pytest.raises(InternalServerError, match="could not be listed"):
        source.reload()
    assert list(source.plugins()) == ["kept"]
    python.symlink_to("/bin/false")
    with pytest.raises(InternalServerError, match="exit status 1"):
        source.reload()
    assert list(source.plugins()) == ["kept"]


def test_an_interpreter_that_hangs_is_given_up(environment: Environment) -> None:
    (environment.site / "hang.pth").write_text("import time; time.sleep(60)\n")
    source = EntryPointSource(GROUP, python=environment.python, timeout_s=0.5)
    begun = time.monotonic()
    with pytest.raises(InternalServerError, match="timed out"):
        source.reload()
    assert time.monotonic() - begun < 10

"""The example package installs, and brings its plugins."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hoplite.plugins.source import EntryPointSource
from tests.plugins.environment import Environment, pip_install

PACKAGE = Path(__file__).parents[2] / "docs" / "examples" / "hoplite_folder_report"


def test_the_example_package_brings_two_documented_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    environment = Environment(tmp_path / "environment")
    clean = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    source = shutil.copytree(PACKAGE, tmp_path / "source", ignore=clean)
    pip_install(source, environment.site)
    plugins = EntryPointSource("hoplite.jobs", python=environment.python).plugins()
    assert list(plugins) == ["folder_report.duplicates", "folder_report.hash_tree"]
    for plugin in plugins.values():
        assert plugin.package == "hoplite-folder-report"
        assert plugin.doc is not None

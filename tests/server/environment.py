"""A Python environment of its own for a server: packages come and go there by real pip."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import flask

import hoplite
from tests.plugins.environment import Environment

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"

[project.entry-points."hoplite.jobs"]
"{name}.job" = "{name}"

[tool.setuptools]
py-modules = ["{name}"]
"""


class ServerEnvironment(Environment):
    """It has hoplite, and all that the tests' own interpreter has, by a ``.pth`` file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._sources = folder.with_name(folder.name + "-sources")
        seen = {sysconfig.get_path("purelib"), str(Path(flask.__file__).parents[1])}
        seen.add(str(Path(hoplite.__file__).parents[1]))
        (self.site / "of_the_tests.pth").write_text("".join(f"{path}\n" for path in sorted(seen)))

    def install(self, name: str, version: str, code: str) -> None:
        """Make a package with one plugin, ``<name>.job``, whose module is ``code``, and install it."""
        source = self._sources / f"{name}-{version}"
        source.mkdir(parents=True)
        (source / "pyproject.toml").write_text(PYPROJECT.format(name=name, version=version))
        (source / f"{name}.py").write_text(code)
        self.install_from(source)

    def install_from(self, source: Path) -> None:
        self._pip(
            *("install", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"),
            *("--upgrade", str(source)),
        )

    def uninstall(self, name: str) -> None:
        self._pip("uninstall", "--yes", name)

    def _pip(self, *arguments: str) -> None:
        command = [self.python, "-m", "pip", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

"""A Python environment whose packages a test installs, upgrades and breaks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path


class Environment:
    """A virtual environment of its own; ``site`` is its ``site-packages``."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True, with_pip=False)
        names = {"base": str(folder), "platbase": str(folder)}
        self.python = str(Path(sysconfig.get_path("scripts", "venv", names)) / "python")
        self.site = Path(sysconfig.get_path("purelib", "venv", names))

    def add(
        self,
        package: str,
        *,
        version: str = "1",
        entry_points: Mapping[str, str],
        files: Mapping[str, str],
        group: str = "hoplite.test",
        site: Path | None = None,
    ) -> Path:
        """Put a package there as an installer would; its ``dist-info``.

        ``entry_points`` and ``files`` map names to what they name and paths to contents.
        """
        site = site or self.site
        self.remove(package, site)
        info = site / f"{package}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        lines = [f"{name} = {value}" for name, value in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        for path, content in files.items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_text(content)
        return info

    def remove(self, package: str, site: Path | None = None) -> None:
        """Take the metadata of every version of ``package`` away."""
        for info in (site or self.site).glob(f"{package}-*.dist-info"):
            shutil.rmtree(info)


def pip_install(source: Path, target: Path) -> None:
    """``pip install --target``, with nothing but what is on this machine."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--upgrade"),
            *("--target", str(target), str(source)),
        ],
        check=True,
        capture_output=True,
    )

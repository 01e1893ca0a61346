"""What the discovery makes of whole, odd and broken packages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hoplite.plugins import discovery
from tests.plugins.environment import Environment

DOCUMENTED = 'def run(config, status):\n    """What it does."""\n'


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return Environment(tmp_path / "environment")


def discover(environment: Environment, *more: Path, group: str = "hoplite.test") -> dict[str, Any]:
    """What the discovery prints, with ``more`` before the other places."""
    done = subprocess.run(
        [environment.python, "-P", discovery.__file__, group],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, more))},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def docs(found: dict[str, Any]) -> dict[str, str | None]:
    return {plugin["name"]: plugin["doc"] for plugin in found["plugins"]}


def test_neither_a_plugin_nor_its_parents_are_imported(
    environment: Environment, tmp_path: Path
) -> None:
    witness = tmp_path / "imported"
    trap = f"open({str(witness)!r}, 'w')\nwhile True: pass\n"
    environment.add(
        "trap",
        entry_points={"trap": "trap.inner.job"},
        files={
            "trap/__init__.py": trap,
            "trap/inner/__init__.py": trap,
            "trap/inner/job.py": DOCUMENTED + trap,
        },
    )
    assert docs(discover(environment)) == {"trap": "What it does."}
    assert not witness.exists()


def test_docstrings_are_found_in_all_shapes_of_plugins(environment: Environment) -> None:
    classy = f"class Job:\n    def {DOCUMENTED[4:].replace('    ', '        ')}"
    environment.add(
        "shapes",
        entry_points={
            "attribute": "shapes.jobs:work",
            "class": "shapes.classy:Job",
            "method": "shapes.classy:Job.run",
            "module": "top",
            "namespace": "space.deep.job",
            "package": "shapes",
        },
        files={
            "shapes/__init__.py": DOCUMENTED,
            "shapes/jobs.py": DOCUMENTED.replace("run", "work"),
            "shapes/classy.py": classy,
            "space/deep/job.py": DOCUMENTED,
            "top.py": DOCUMENTED,
        },
    )
    assert set(docs(discover(environment)).values()) == {"What it does."}


def test_a_namespace_over_two_places_is_followed(environment: Environment, tmp_path: Path) -> None:
    other = tmp_path / "other"
    environment.add("here", entry_points={"here": "ns.here"}, files={"ns/here.py": DOCUMENTED})
    environment.add(
        "there", entry_points={"there": "ns.there"}, files={"ns/there.py": DOCUMENTED}, site=other
    )
    assert docs(discover(environment, other)) == {
        "here": "What it does.",
        "there": "What it does.",
    }


def test_a_plugin_without_a_readable_docstring_is_still_listed(environment: Environment) -> None:
    (environment.site / "binary.py").write_bytes(b"\xff\x00\xfe")
    environment.add(
        "odd",
        entry_points={
            "absent": "odd_absent.job",
            "binary": "binary",
            "builtin": "sys",
            "huge": "huge",
            "silent": "silent",
            "torn": "torn",
        },
        files={
            "huge.py": DOCUMENTED + "#" * 1_000_001,
            "silent.py": "def run(config, status): ...\n",
            "torn.py": DOCUMENTED + "def (",
        },
    )
    found = docs(discover(environment))
    assert found == dict.fromkeys(
        ["absent", "binary", "builtin", "huge", "silent", "torn"],
    )


def test_of_two_packages_with_one_name_the_first_on_the_path_wins(
    environment: Environment, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    environment.add("zz", entry_points={"same": "zz"}, files={"zz.py": ""}, site=first)
    environment.add("aa", entry_points={"same": "aa"}, files={"aa.py": ""})
    found = discover(environment, first)
    assert [plugin["package"] for plugin in found["plugins"]] == ["zz"]
    assert found["problems"] == [
        "plugin 'same' is in zz and in aa; zz is used, because it comes first on sys.path"
    ]


def test_a_shadowed_version_of_a_package_gives_nothing(
    environment: Environment, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    environment.add("My_Jobs", version="2", entry_points={}, files={}, site=first)
    environment.add("my-jobs", version="1", entry_points={"old": "old"}, files={"old.py": ""})
    found = discover(environment, first)
    assert (found["plugins"], found["problems"]) == ([], [])


def test_broken_metadata_hides_only_its_own_package(environment: Environment) -> None:
    nameless = environment.add("nameless", entry_points={"nameless": "os"}, files={})
    (nameless / "METADATA").write_text("Metadata-Version: 2.1\n")
    binary = environment.add("binary", entry_points={}, files={})
    (binary / "METADATA").write_bytes(b"\xff\xfe\x00")
    garbled = environment.add("garbled", entry_points={}, files={})
    (garbled / "entry_points.txt").write_bytes(b"[hoplite.test\n\xff = \n")
    emptied = environment.add("emptied", entry_points={"emptied": "os"}, files={})
    (emptied / "METADATA").unlink()
    environment.add("sound", entry_points={"sound": "sound"}, files={"sound.py": ""})
    environment.add("wrong", entry_points={"wrong": "not a module!"}, files={})
    environment.add("~ound", entry_points={"leftover": "sound"}, files={})
    found = discover(environment)
    assert [plugin["name"] for plugin in found["plugins"]] == ["sound"]
    for name in ("nameless", "binary", "garbled", "emptied", "wrong"):
        assert any(name in problem for problem in found["problems"]), name


def test_it_says_where_it_looked(environment: Environment) -> None:
    found = discover(environment)
    assert str(environment.site) in found["paths"]
    assert "" not in found["paths"]

"""What every plugin source does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hoplite.plugins.source import EntryPointSource, FixedSource, Plugin, PluginSource
from tests.plugins.environment import Environment

PLUGINS = {
    "b.second": Plugin(
        name="b.second", entry_point="two.jobs:work", package="two", version="2.1", doc="Work."
    ),
    "a.first": Plugin(name="a.first", entry_point="one", package="one", version="1"),
}


def _installed(folder: Path) -> PluginSource:
    environment = Environment(folder)
    environment.add("one", entry_points={"a.first": "one"}, files={"one.py": ""})
    environment.add(
        "two",
        version="2.1",
        entry_points={"b.second": "two.jobs:work"},
        files={
            "two/__init__.py": "",
            "two/jobs.py": 'def work(config, status):\n    """Work."""\n',
        },
    )
    return EntryPointSource("hoplite.test", python=environment.python)


def _fixed(_folder: Path) -> PluginSource:
    return FixedSource(PLUGINS)


@pytest.fixture(params=[_installed, _fixed], ids=["entry points", "fixed"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> PluginSource:
    make: Callable[[Path], PluginSource] = request.param
    return make(tmp_path / "environment")


def test_plugins_are_there_before_any_reload(source: PluginSource) -> None:
    assert source.plugins() == PLUGINS


def test_plugins_are_in_the_order_of_their_names(source: PluginSource) -> None:
    assert list(source.plugins()) == ["a.first", "b.second"]


def test_a_reload_without_changes_changes_nothing(source: PluginSource) -> None:
    before = source.plugins()
    source.reload()
    assert source.plugins() == before


def test_what_was_handed_out_cannot_be_changed(source: PluginSource) -> None:
    with pytest.raises(TypeError):
        source.plugins()["c"] = PLUGINS["a.first"]  # type: ignore[index]
    source.paths().clear()
    assert source.paths()


def test_paths_are_texts_in_order_and_not_the_working_directory(source: PluginSource) -> None:
    paths = source.paths()
    assert all(isinstance(path, str) for path in paths)
    assert "" not in paths


def test_threads_may_reload_and_read_at_once(source: PluginSource) -> None:
    seen: list[list[str]] = []

    def work() -> None:
        source.reload()
        seen.append(list(source.plugins()))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [["a.first", "b.second"]] * 8

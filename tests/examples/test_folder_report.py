"""The example plugins, called as hoplite calls them."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from folder_report import duplicates, hash_tree
from folder_report.config import ConfigError
from folder_report.index import NotAnIndexError

from hoplite.client.status_updater import MockStatusUpdater


class Recorder:
    """Keeps what a plugin reports."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = {}
        self.steps: list[tuple[float, float, str]] = []

    def update(self, status: dict[str, Any]) -> None:
        json.dumps(status).encode("utf-8")
        self.status.update(status)

    def progress(self, done: float, total: float, text: str = "") -> None:
        self.steps.append((done, total, text))


@pytest.fixture(autouse=True)
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha" * 1000)
    (folder / "sub" / "copy.txt").write_bytes(b"alpha" * 1000)
    (folder / "sub" / "b.bin").write_bytes(b"b" * 3_000_000)
    (folder / "b2.bin").write_bytes(b"b" * 3_000_000)
    (folder / "b3.bin").write_bytes(b"b" * 3_000_000)
    (folder / "empty1").touch()
    (folder / "empty2").touch()
    (folder / "hard.txt").hardlink_to(folder / "a.txt")
    (folder / "link.txt").symlink_to(folder / "a.txt")
    (folder / "around").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    return folder


def hashed(folder: Path, **config: Any) -> Recorder:
    recorder = Recorder()
    hash_tree.run({"folder": str(folder), **config}, recorder)
    return recorder


def records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_regular_file_is_hashed_once_in_order(tree: Path, workdir: Path) -> None:
    status = hashed(tree).status
    assert status["index"] == str(workdir / "folder-report.jsonl")
    header, *files = records(workdir / "folder-report.jsonl")
    assert header == {"format": "folder-report 1", "folder": str(tree)}
    assert [file["path"] for file in files] == [
        *("a.txt", "b2.bin", "b3.bin", "empty1", "empty2"),
        *("hard.txt", "sub/b.bin", "sub/copy.txt"),
    ]
    assert files[0]["sha256"] == hashlib.sha256(b"alpha" * 1000).hexdigest()
    assert files[5]["link_of"] == "a.txt"
    assert {key: status[key] for key in ("files", "bytes", "links", "skipped", "unreadable")} == {
        "files": 8,
        "bytes": 9_010_000,
        "links": 1,
        "skipped": 3,
        "unreadable": 0,
    }


def test_two_runs_write_the_same_index(tree: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        hashed(tree, output=str(tmp_path / name))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_an_index_inside_the_folder_is_not_hashed(tree: Path) -> None:
    for _ in range(2):
        assert hashed(tree, output=str(tree / "index")).status["files"] == 8


def test_progress_rises_to_the_total_in_few_steps(tree: Path) -> None:
    steps = hashed(tree).steps
    done = [step[0] for step in steps]
    assert done == sorted(done)
    assert {step[1] for step in steps} == {9_015_000}
    assert done[-1] == 9_015_000
    assert 2 <= len(steps) <= 101


def test_files_that_cannot_be_read_are_listed(
    tree: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_open = os.open

    def refuse(path: Any, *args: Any, **more: Any) -> int:
        if str(path).endswith("b2.bin"):
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(path, *args, **more)

    monkeypatch.setattr(os, "open", refuse)
    status = hashed(tree).status
    assert (status["files"], status["unreadable"]) == (7, 1)
    assert status["errors"] == [f"{tree / 'b2.bin'}: Permission denied"]
    by_path = {file["path"]: file for file in records(workdir / "folder-report.jsonl")[1:]}
    assert by_path["b2.bin"] == {
        "path": "b2.bin",
        "bytes": 3_000_000,
        "error": "Permission denied",
    }


def test_names_of_any_bytes_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (b"\xff\xfe", b"new\nline", "naïve".encode()):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_text("same")
    recorder = hashed(folder)
    assert recorder.status["files"] == 3
    duplicates.run({"index": recorder.status["index"]}, recorder)
    assert recorder.status["largest"][0]["paths"] == ["\\xff\\xfe", "naïve", "new\nline"]


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    recorder = hashed(tmp_path / "none")
    assert recorder.status["files"] == 0
    duplicates.run({"index": recorder.status["index"]}, recorder)
    assert recorder.status["groups"] == 0


def test_duplicates_come_with_the_most_wasteful_first(tree: Path, workdir: Path) -> None:
    recorder = hashed(tree)
    duplicates.run({"index": recorder.status["index"], "show": 1}, recorder)
    assert recorder.status["groups"] == 2
    assert recorder.status["wasted_bytes"] == 6_005_000
    (largest,) = recorder.status["largest"]
    assert largest["paths"] == ["b2.bin", "b3.bin", "sub/b.bin"]
    report = json.loads((workdir / "duplicates.json").read_text())
    assert [group["paths"] for group in report["all"]] == [
        largest["paths"],
        ["a.txt", "sub/copy.txt"],
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "config['folder'] must be a text"),
        ({"folder": 7}, "config['folder'] must be a text"),
        ({"folder": "somewhere"}, "give an absolute path"),
        ({"folder": "/no/such/folder"}, "does not exist"),
        ({"folder": "/dev/null"}, "not a folder"),
        ({"folder": "/", "output": "/no/such/folder/index"}, "whose folder does not exist"),
        ({"folder": "/", "outptu": "index"}, "config has 'outptu'"),
    ],
)
def test_a_config_that_hash_tree_cannot_use_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        hash_tree.run(config, Recorder())
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "config['index'] must be a text"),
        ({"index": "/"}, "not a file"),
        ({"index": "/dev/null/index"}, "does not exist"),
        ({"index": __file__, "show": -1}, "config['show'] must be a whole number"),
        ({"index": __file__, "show": True}, "config['show'] must be a whole number"),
    ],
)
def test_a_config_that_duplicates_cannot_use_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        duplicates.run(config, Recorder())
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "content", ["", "[]\n", "{}\n", '{"format": "folder-report 1"}\n{"path": "a", "size": 1}\n']
)
def test_a_file_that_is_no_index_is_refused(content: str, workdir: Path) -> None:
    (workdir / "index").write_text(content)
    with pytest.raises(NotAnIndexError):
        duplicates.run({"index": str(workdir / "index")}, Recorder())


def test_the_updater_for_trying_out_plugins_will_do(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    updater = MockStatusUpdater()
    hash_tree.run({"folder": str(tree)}, updater)
    assert updater.status["phase"] == "done"
    assert "all files hashed" in capsys.readouterr().out

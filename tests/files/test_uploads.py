"""A file is there whole, or nothing of it; on file systems with files that have no name, and without."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hoplite.files import uploads
from hoplite.files.beneath import Tree
from hoplite.files.wire import Write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files are served on Linux only")


@pytest.fixture(params=["nameless", "named"], autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "nameless":
        return
    really = os.open

    def without_nameless(path: Any, flags: int, *arguments: Any, **more: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return really(path, flags, *arguments, **more)

    monkeypatch.setattr("hoplite.files.uploads.os.open", without_nameless)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(os.fsencode(tmp_path))
    yield tree
    tree.close()


def names(path: Path) -> list[str]:
    return sorted(str(each.relative_to(path)) for each in path.rglob("*"))


def test_it_is_made_with_the_directories_above(tree: Tree, tmp_path: Path) -> None:
    uploads.write(tree, Write(b"a/b/file", force=False), [b"one", b"two"])
    assert names(tmp_path) == ["a", "a/b", "a/b/file"]
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"onetwo"


def test_what_exists_is_replaced_by_force_alone(tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o640)
    with pytest.raises(FileExistsError):
        uploads.write(tree, Write(b"file", force=False), [b"after"])
    assert path.read_bytes() == b"before"
    uploads.write(tree, Write(b"file", force=True), [b"after"])
    assert path.read_bytes() == b"after" and path.stat().st_mode & 0o777 == 0o640
    (tmp_path / "link").symlink_to("file")
    uploads.write(tree, Write(b"link", force=True), [b"own"])
    assert path.read_bytes() == b"after", "a link is replaced, not what it leads to"
    assert names(tmp_path) == ["file", "link"]


def test_what_came_meanwhile_stays(tree: Tree, tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"ours"
        (tmp_path / "file").write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        uploads.write(tree, Write(b"file", force=False), pieces())
    assert (tmp_path / "file").read_bytes() == b"theirs" and names(tmp_path) == ["file"]


@pytest.mark.parametrize("force", [False, True])
def test_what_breaks_off_leaves_nothing(tree: Tree, tmp_path: Path, force: bool) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x" * 1000
        raise EOFError

    with pytest.raises(EOFError):
        uploads.write(tree, Write(b"a/b/file", force=force), pieces())
    assert names(tmp_path) == []
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"before")
    with pytest.raises(EOFError):
        uploads.write(tree, Write(b"a/file", force=True), pieces())
    assert (
        names(tmp_path) == ["a", "a/file"] and (tmp_path / "a" / "file").read_bytes() == b"before"
    )


def test_a_directory_is_not_replaced_and_a_lost_link_is_no_way(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "lost").symlink_to("nosuch")
    with pytest.raises(IsADirectoryError):
        uploads.write(tree, Write(b"directory", force=True), [b"x"])
    with pytest.raises(FileNotFoundError):
        uploads.write(tree, Write(b"lost/file", force=False), [b"x"])
    with pytest.raises(FileExistsError):
        uploads.write(tree, Write(b"lost", force=False), [b"x"])
    assert names(tmp_path) == ["directory", "lost"]

"""No path leads out of its root: by no link, by no race, with the kernel's help and without."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoplite.files.beneath import Tree, kernel_resolves
from tests.files.swapping import exchange

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files are served on Linux only")


@pytest.fixture(params=["kernel", "walk"])
def by_kernel(request: pytest.FixtureRequest) -> bool:
    if request.param == "kernel" and not kernel_resolves():
        pytest.skip("this kernel has no openat2, or a sandbox hides it")
    return bool(request.param == "kernel")


@pytest.fixture
def tree(tmp_path: Path, by_kernel: bool) -> Iterator[Tree]:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("inside")
    tree = Tree(os.fsencode(root), by_kernel=by_kernel)
    yield tree
    tree.close()


def read(tree: Tree, path: bytes) -> str:
    with tree.find(path) as found:
        return Path(f"/proc/self/fd/{found}").read_text()


def refused(tree: Tree, path: bytes) -> int:
    try:
        with tree.find(path):
            return 0
    except OSError as error:
        return error.errno or 0


def link(tmp_path: Path, name: str, target: str) -> bytes:
    (tmp_path / "root" / name).symlink_to(target)
    return name.encode()


@pytest.mark.parametrize("target", ["a/file", "./a/../a/file", "a/b/../file", "two"])
def test_a_link_that_stays_is_followed(tree: Tree, tmp_path: Path, target: str) -> None:
    link(tmp_path, "two", "a/file")
    assert read(tree, link(tmp_path, "one", target)) == "inside"
    assert read(tree, link(tmp_path, "directory", "a") + b"/file") == "inside"


@pytest.mark.parametrize(
    ("target", "number"),
    [
        ("../outside/secret", errno.EXDEV),
        ("a/../../outside/secret", errno.EXDEV),
        ("/etc/passwd", errno.EXDEV),
        ("/", errno.EXDEV),
        ("..", errno.EXDEV),
        ("nosuch", errno.ENOENT),
        ("loop", errno.ELOOP),
        ("a/file/x", errno.ENOTDIR),
    ],
)
def test_a_link_that_leads_out_or_nowhere_is_not(
    tree: Tree, tmp_path: Path, target: str, number: int
) -> None:
    link(tmp_path, "loop", "loop")
    assert refused(tree, link(tmp_path, "one", target)) == number
    assert refused(tree, b"nosuch") == errno.ENOENT
    assert refused(tree, b"../outside/secret") == errno.EXDEV
    assert refused(tree, b"a\0b") == errno.EINVAL


def test_below_the_root_of_all_links_go_everywhere(tmp_path: Path, by_kernel: bool) -> None:
    (tmp_path / "one").symlink_to("/etc/passwd")
    tree = Tree(b"/", by_kernel=by_kernel)
    assert "root" in read(tree, os.fsencode(tmp_path / "one").lstrip(b"/"))
    assert "root" in read(tree, b"../../etc/passwd")
    tree.close()


def test_what_a_process_holds_open_is_not_found_through_proc(by_kernel: bool) -> None:
    """Not below a root, and by the kernel not at all."""
    for root, path in [(b"/proc", b"self/root/etc/passwd"), (b"/proc/self", b"root/etc/passwd")]:
        tree = Tree(root, by_kernel=by_kernel)
        assert refused(tree, path) in (errno.EXDEV, errno.ELOOP)
        tree.close()
    if by_kernel:
        tree = Tree(b"/", by_kernel=by_kernel)
        assert refused(tree, b"proc/self/fd/0") == errno.ELOOP
        assert refused(tree, b"proc/self/root") == errno.ELOOP
        tree.close()


def test_a_pipe_is_found_and_does_not_block(tree: Tree, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root" / "pipe")
    with tree.find(b"pipe") as found:
        assert os.fstat(found).st_size == 0


def test_swapped_links_never_lead_out(tree: Tree, tmp_path: Path) -> None:
    """A directory changes places with a link to the outside, over and over."""
    root = tmp_path / "root"
    (root / "here").mkdir()
    (root / "here" / "secret").write_text("inside")
    (root / "other").symlink_to(tmp_path / "outside")
    (root / "relative").symlink_to("../outside")
    over = threading.Event()
    swap = threading.Thread(target=_swap, args=(root, over))
    swap.start()
    seen: set[str] = set()
    deadline = time.monotonic() + 30
    try:
        for _ in range(3000):
            seen.add(_attempt(tree))
        while seen < {"", "inside"} and time.monotonic() < deadline:
            seen.add(_attempt(tree))
    finally:
        over.set()
        swap.join()
    assert seen == {"", "inside"}


def _attempt(tree: Tree) -> str:
    try:
        return read(tree, b"here/secret")
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return ""


def _swap(root: Path, over: threading.Event) -> None:
    while not over.is_set():
        for name in ("other", "relative"):
            exchange(root / "here", root / name)
            exchange(root / "here", root / name)

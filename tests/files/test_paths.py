"""Which path an address names, and which root it is below."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.files.paths import BadPathError, Place, absolute, below_one

HOME = b"/home/alice"


@pytest.mark.parametrize(
    ("named", "path"),
    [
        (b"", b"/"),
        (b"~", HOME),
        (b"~/", HOME),
        (b"~/x//y/./z/", HOME + b"/x/y/z"),
        (b"//etc/passwd", b"/etc/passwd"),
        (b"x/~/y", b"/x/~/y"),
        (b"~root/x", b"/~root/x"),
        (b"caf\xe9\n", b"/caf\xe9\n"),
        (b"a/...", b"/a/..."),
    ],
)
def test_what_an_address_names(named: bytes, path: bytes) -> None:
    assert absolute(named, HOME) == path


@pytest.mark.parametrize(
    "named", [b"..", b"~/..", b"a/../b", b"/..", b"a\0b", b"x" * 256, b"x/" * 3000]
)
def test_what_no_address_may_name(named: bytes) -> None:
    with pytest.raises(BadPathError):
        absolute(named, HOME)


@pytest.mark.parametrize(
    ("path", "roots", "place"),
    [
        (b"/srv/a/b", [b"/srv", b"/srv/a/"], Place(b"/srv/a/b", b"/srv/a")),
        (b"/srv/ab", [b"/srv/a"], None),
        (b"/srv/a", [b"/srv/a"], Place(b"/srv/a", b"/srv/a")),
        (b"/x", [b"/"], Place(b"/x", b"/")),
        (b"/x", [], None),
    ],
)
def test_the_nearest_root_above_counts(
    path: bytes, roots: list[bytes], place: Place | None
) -> None:
    assert below_one(path, roots) == place


@given(st.binary(max_size=60))
def test_a_path_is_plain_whatever_is_named(named: bytes) -> None:
    try:
        path = absolute(named, HOME)
    except BadPathError:
        return
    assert path.startswith(b"/") and b"\0" not in path
    assert not {b"", b".", b".."} & set(path.split(b"/")[1:] if path != b"/" else [])

"""From what an address names to a path on the machine, and the root that it must stay below."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_LONGEST = 4095
_LONGEST_NAME = 255


class BadPathError(ValueError):
    """No file can be called so; the text says why."""


class Place(msgspec.Struct, frozen=True):
    """A path on the machine."""

    path: bytes
    """Absolute, without ``.``, empty parts and a slash at the end."""
    root: bytes
    """The directory that it must not leave."""

    @property
    def below(self) -> bytes:
        """The path from the root; empty: the root itself."""
        return self.path[len(self.root) :].strip(b"/")


def absolute(named: bytes, home: bytes) -> bytes:
    """The path that an address names: below ``/``, or after ``~/`` below ``home``.

    Raises :class:`BadPathError`.
    """
    if b"\0" in named:
        raise BadPathError("a path holds no NUL byte")
    parts = [part for part in named.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise BadPathError("a path with '..' is not taken: write the path that it leads to")
    if parts and parts[0] == b"~":
        parts = [*home.strip(b"/").split(b"/"), *parts[1:]]
    path = b"/" + b"/".join(part for part in parts if part)
    if len(path) > _LONGEST or any(len(part) > _LONGEST_NAME for part in parts):
        raise BadPathError(
            f"a path has at most {_LONGEST} bytes, and each name in it {_LONGEST_NAME}"
        )
    return path


def below_one(path: bytes, roots: Sequence[bytes]) -> Place | None:
    """``path`` below the nearest of the ``roots`` (absolute); None: it is below none."""
    above = [root for root in map(_plain, roots) if path == root or path.startswith(_slashed(root))]
    return Place(path, max(above, key=len)) if above else None


def _plain(root: bytes) -> bytes:
    return b"/" + b"/".join(part for part in root.split(b"/") if part)


def _slashed(root: bytes) -> bytes:
    return root if root == b"/" else root + b"/"

"""What is called remotely."""

from __future__ import annotations

from hoplite import remotify


@remotify(__name__)
def nothing() -> None:
    pass


@remotify(__name__)
def length(data: bytes) -> int:
    return len(data)


@remotify(__name__)
def large(size: int) -> bytes:
    return b"x" * size

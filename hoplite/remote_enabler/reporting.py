"""How a function that runs as a job says how far it is, wherever it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol


class Listening(Protocol):
    """Who is told."""

    def update(self, status: Mapping[str, Any]) -> None: ...


_listening: list[Listening] = []
"""Not by thread: a function may report from threads of its own."""


@contextmanager
def to(status: Listening) -> Iterator[None]:
    """Within the block, what is reported goes to ``status``."""
    _listening.append(status)
    try:
        yield
    finally:
        _listening.remove(status)


def report_progress(done: float, total: float, text: str = "") -> None:
    """From within a remotified function: how far it is; ``done`` of ``total``, and in words.

    Seen as ``progress`` of its job.  Does nothing where the function is called locally.
    """
    if _listening:
        _listening[-1].update({"progress": {"done": done, "total": total, "text": text}})

"""What the built-in plugins use of a job's ``status``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Status(Protocol):
    """A StatusUpdater, or a stand-in for one."""

    addr: str
    """Where the server is that the job reports to."""

    def update(self, status: Mapping[str, Any]) -> None: ...

    def update_at_end(self, status: Mapping[str, Any]) -> None: ...

    def progress(self, done: float, total: float, text: str = "") -> None: ...

"""Fail as a job that runs jobs does."""

from __future__ import annotations

from typing import Any

from hoplite.client.status_updater import StatusUpdater
from hoplite.exceptions import JobFailedError


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    inner = {"type": "ValueError", "message": "the inner one", "traceback": None}
    raise JobFailedError("elsewhere:5000", "1234", None, inner)

"""Raise from another exception."""

from __future__ import annotations

from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    try:
        raise KeyError("first")
    except KeyError as error:
        raise RuntimeError("second") from error

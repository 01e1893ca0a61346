"""Raise with bytes that are no UTF-8."""

from __future__ import annotations

from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    raise ValueError(b"\xff\xfe", "\udc80", object())

"""Raise an exception of two arguments."""

from __future__ import annotations

from typing import Any

from hoplite.client.status_updater import StatusUpdater


class TwoArgs(Exception):
    """Takes two arguments and tells both."""

    def __init__(self, words: str, extra: int) -> None:
        super().__init__(words)
        self.extra = extra


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    raise TwoArgs("two args", 12345)

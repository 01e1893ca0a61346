"""The job of those that we are compared with."""

from __future__ import annotations


def nothing() -> None:
    """Do nothing."""

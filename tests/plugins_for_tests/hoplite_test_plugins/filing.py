"""Adds to its input, and leaves that as its result."""

from __future__ import annotations

from typing import Any


def run(config: Any, status: Any) -> None:
    status.write_result(status.read_input() + b", and read")

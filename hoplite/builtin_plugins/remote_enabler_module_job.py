"""The plugin ``hoplite.plugins.remote_enabler_module_job``: a function that ``remotify`` calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hoplite.remote_enabler.performing import Status, have_logs_seen, perform


def run(config: Mapping[str, Any], status: Status) -> None:
    """Call a function for ``remotify``, which makes the config; it holds pickles."""
    perform(config, status, have_logs_seen)

"""What ``hoplite-client`` exits with; docs/command-line.rst has the table."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

SUCCESS = 0
FAILURE = 1
USAGE_ERROR = 2
TIMED_OUT = 124
"""As timeout(1) has it."""
HOPLITE_FAILED = 125
"""Of ``run`` and ``wait``: nothing is known of the job, or it got lost."""
BY_SIGNAL = 128
INTERRUPTED = BY_SIGNAL + signal.SIGINT
TERMINATED = BY_SIGNAL + signal.SIGTERM


def of_job(info: Mapping[str, Any]) -> int:
    """That of a job which has ended: its own, if it ended by itself."""
    outcome, code, signum = info["outcome"], info["exit_code"], info["signal"]
    if outcome == "succeeded":
        return SUCCESS
    if outcome == "timed_out":
        return TIMED_OUT
    if outcome == "lost":
        return HOPLITE_FAILED
    if outcome in ("killed", "cancelled"):
        return BY_SIGNAL + (signum or signal.SIGTERM)
    return BY_SIGNAL + signum if signum else code or FAILURE

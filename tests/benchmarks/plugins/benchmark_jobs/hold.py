"""Stay, with the key told, so that somebody else may report."""

from __future__ import annotations

import time
from typing import Any


def run(config: dict[str, Any], status: Any) -> None:
    """Put the job's key into its status and sleep."""
    status.update({"key": status._api_key})
    time.sleep(600)

"""Write down when the first and the last line ran."""

from __future__ import annotations

import time

FIRST = time.monotonic()

from pathlib import Path  # noqa: E402 - nothing may come before the clock
from typing import Any  # noqa: E402


def run(config: dict[str, Any], status: Any) -> None:
    """Take ``config["seconds"]``; both times, of the monotonic clock, go to ``config["path"]``."""
    time.sleep(config["seconds"])
    file = Path(config["path"])
    file.touch()
    file.write_text(f"{FIRST} {time.monotonic()}", encoding="ascii")

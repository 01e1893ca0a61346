"""Tell the secret: tests of the keyed route need it."""

from __future__ import annotations

import time
from typing import Any

from hoplite.client.status_updater import StatusUpdater


def run(config: dict[str, Any], status: StatusUpdater) -> None:
    status.update({"key": status._api_key})
    time.sleep(config.get("seconds", 20))

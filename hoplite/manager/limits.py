"""The manager's settings, in its own words."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds."""

    max_running: int = 8
    max_config_bytes: int = 1 << 20
    max_status_bytes: int = 1 << 20
    kill_grace_s: float = 5.0
    status_retry_s: float = 600.0
    keep_age_s: float = 90 * 86400.0
    keep_jobs: int = 1_000_000
    keep_log_bytes: int = 10 << 30
    keep_keys_s: float = 86400.0

"""So that two requests with one Idempotency-Key do not make two jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class KeyLocks:
    """One lock per Idempotency-Key in flight."""

    def __init__(self, stripes: int = 64) -> None:
        self._locks = [threading.Lock() for _ in range(stripes)]

    @contextmanager
    def held(self, owner: str, key: str) -> Iterator[None]:
        with self._locks[hash((owner, key)) % len(self._locks)]:
            yield

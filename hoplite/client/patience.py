"""How long to go on trying, and with which pauses."""

from __future__ import annotations

import time

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 1.0


class Patience:
    """Pauses that grow, until ``lasting_s`` after the first of them."""

    def __init__(self, lasting_s: float) -> None:
        self._lasting_s = lasting_s
        self.renew()

    def renew(self, lasting_s: float | None = None) -> None:
        """Begin anew, because it went well; from now on for ``lasting_s``, if given."""
        if lasting_s is not None:
            self._lasting_s = lasting_s
        self._end: float | None = None
        self._pause_s = FIRST_PAUSE_S

    def pause(self, at_least_s: float = 0.0, at_most_s: float | None = None) -> bool:
        """Sleep a while; False, without sleeping, if patience would end before."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._lasting_s
        pause_s = max(self._pause_s, at_least_s)
        if now + pause_s > self._end:
            return False
        time.sleep(pause_s if at_most_s is None else min(pause_s, at_most_s))
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return True


class Deadline:
    """The caller's limit; negative or None: there is none."""

    def __init__(self, timeout_s: float | None) -> None:
        unlimited = timeout_s is None or timeout_s < 0
        self._end = None if unlimited else time.monotonic() + (timeout_s or 0.0)

    @property
    def left_s(self) -> float:
        """Never negative; infinite without a limit."""
        return float("inf") if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        return self.left_s <= 0

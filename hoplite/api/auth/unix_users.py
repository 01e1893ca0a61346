"""Names of Unix users."""

from __future__ import annotations

import getpass
import os
import threading
import time

_FRESH_S = 60.0


class UserNames:
    """The name of a uid.  Kept for a minute: the answer may come over the network."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, str]] = {}

    def name_of(self, uid: int) -> str:
        """The name, or ``uid:N``, which no user can be called, where there is none."""
        now = time.monotonic()
        with self._lock:
            since, name = self._known.get(uid, (0.0, ""))
        if name and now - since < _FRESH_S:
            return name
        name = _look_up(uid)
        with self._lock:
            self._known[uid] = (now, name)
        return name


def own_uid() -> int | None:
    """The server's effective user; None where users have no numbers."""
    geteuid = getattr(os, "geteuid", None)
    return None if geteuid is None else int(geteuid())


def own_name() -> str:
    """The name of the server's own user."""
    uid = own_uid()
    return getpass.getuser() if uid is None else _look_up(uid)


def _look_up(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"uid:{uid}"

"""The Unix groups of people who submit."""

from __future__ import annotations

import grp
import os
import pwd
import time
from functools import lru_cache

_KEPT_S = 60.0


def groups_of(user: str) -> tuple[str, ...]:
    """Names of the groups of the account with this name, at most a minute old; none if there is no
    such account."""
    return _groups(user, int(time.monotonic() / _KEPT_S))


@lru_cache(1024)
def _groups(user: str, _minute: int) -> tuple[str, ...]:
    try:
        ids = os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except (KeyError, OSError, UnicodeError, ValueError):
        return ()
    return tuple(sorted(filter(None, map(_name, ids))))


def _name(group_id: int) -> str | None:
    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return None

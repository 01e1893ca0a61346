"""The Unix accounts that jobs run as."""

from __future__ import annotations

import ctypes
import os
import pwd

from hoplite.execution.protocol import RunAs

_ENV_START = 47
"""Where proc(5)'s ``env_start`` (field 50) is after the process's name."""
_INHERITED = frozenset({"PATH", "LANG", "LANGUAGE", "TZ", "PYTHONPATH"})
"""What jobs of other accounts get of the server's environment, beside ``LC_*``: nothing that could be
a secret of the server's account, or a directory that is only its own (like TMPDIR)."""


def account(name: str) -> RunAs:
    """The account called ``name``; raises KeyError if the machine has none."""
    entry = pwd.getpwnam(name)
    groups = tuple(sorted(set(os.getgrouplist(name, entry.pw_gid))))
    return RunAs(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir, entry.pw_shell)


def become(account: RunAs) -> None:
    """Give up this process's rights for good; raises PermissionError if it may not.

    A process that is of the account already keeps its groups.
    """
    if os.geteuid() != 0 and account.uid == os.geteuid():
        return
    try:
        os.setgroups(account.groups)
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
    except PermissionError:
        raise PermissionError(
            f"the job is to run as {account.name}, but the server runs as uid {os.geteuid()} "
            "and only root may start processes of other accounts"
        ) from None


def enter_environment(account: RunAs) -> None:
    """Leave of this process's environment only what an account other than the server's may see, and
    name the account in it."""
    kept = {k: v for k, v in os.environ.items() if k in _INHERITED or k.startswith("LC_")}
    os.environ.clear()
    _blot_out_first_environment()
    os.environ.update(kept)
    os.environ.update(HOME=account.home, USER=account.name, LOGNAME=account.name)
    os.environ["SHELL"] = account.shell or "/bin/sh"


def _blot_out_first_environment() -> None:
    """Overwrite what this process's interpreter was started with, which ``/proc/self/environ`` shows
    whatever the variables are now.  No variable may be set, as they could lie there."""
    try:
        with open("/proc/self/stat", "rb", buffering=0) as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return
    start, end = int(fields[_ENV_START]), int(fields[_ENV_START + 1])
    if 0 < start < end:
        ctypes.memset(start, 0, end - start)

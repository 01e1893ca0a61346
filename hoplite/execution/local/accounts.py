"""The Unix accounts that jobs run as."""

from __future__ import annotations

import os
import pwd

from hoplite.execution.protocol import RunAs


def account(name: str) -> RunAs:
    """The account called ``name``; raises KeyError if the machine has none."""
    entry = pwd.getpwnam(name)
    groups = tuple(sorted(set(os.getgrouplist(name, entry.pw_gid))))
    return RunAs(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)


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


def environment(account: RunAs) -> dict[str, str]:
    """The variables that name the account."""
    return {"HOME": account.home, "USER": account.name, "LOGNAME": account.name}

"""A hoplite-server for root, as on a machine with the accounts of the recordings.

``python -m tests.oar.with_accounts`` is ``hoplite-server``: jobs of these accounts run under user ids
of their own, in homes of their own, without an entry in the machine's list of users.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from hoplite.cli.server import main

HOMES = "OAR_TEST_HOMES"
"""The variable that names the directory of the homes."""
UIDS = {"kameleon": 61001, "alice": 61002, "oar": 61003}


def make_homes(root: Path) -> Path:
    """A directory of homes below ``root``, which other accounts can pass through."""
    homes = root / "homes"
    homes.mkdir(mode=0o711, exist_ok=True)
    root.chmod(0o711)
    for name, uid in UIDS.items():
        home = homes / name
        home.mkdir(mode=0o755, exist_ok=True)
        os.chown(home, uid, uid)
    return homes


def know_accounts(homes: Path) -> None:
    """Have this process find the accounts."""
    before = pwd.getpwnam

    def getpwnam(name: str) -> pwd.struct_passwd:
        uid = UIDS.get(name)
        if uid is None:
            return before(name)
        return pwd.struct_passwd((name, "x", uid, uid, "", str(homes / name), "/bin/bash"))

    pwd.getpwnam = getpwnam


if __name__ == "__main__":
    know_accounts(Path(os.environ.pop(HOMES)))
    main()

"""The directory in which a server keeps everything."""

from __future__ import annotations

import os
from pathlib import Path

from hoplite.exceptions import StorageUnavailableError

JOURNAL_FILE = "journal.db"
ACCOUNTS_FILE = "accounts.db"
LOCK_FILE = "lock"
CONFIG_FILE = "config.toml"
"""What a server without a settings file of its own was told while it ran."""


def allowed_mode() -> int:
    """0700; 0711 for root, whose jobs run as other users and must reach their own directories."""
    return 0o711 if _is_root() else 0o700


def prepare(path: Path) -> Path:
    """Make it, closed to others, if it is not there; an existing one is left as it is.

    Raises :class:`~hoplite.exceptions.StorageUnavailableError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=False)
        path.chmod(allowed_mode())
    except FileExistsError:
        if not path.is_dir():
            raise StorageUnavailableError(
                f"the data directory {path} is not a directory: choose another with --data-dir"
            ) from None
    except OSError as error:
        raise StorageUnavailableError(
            f"the data directory {path} cannot be made: {error.strerror}"
        ) from error
    return path


def give_to_owner_of(directory: Path, path: Path) -> None:
    """When root makes a file in the directory of a server that is not root's, hand it over."""
    if _is_root():
        owner = directory.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0

"""Is everything as a server needs it?  Each check looks only, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import ssl
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from hoplite.accounts import database as accounts_database
from hoplite.data_directory import ACCOUNTS_FILE, JOURNAL_FILE, allowed_mode
from hoplite.exceptions import HopliteError, StorageUnavailableError
from hoplite.journal import schema as journal_schema
from hoplite.manager.lock import holder
from hoplite.settings.fields import MIB, Settings
from hoplite.settings.units import size_text

_LITTLE_SPACE = 100 * MIB


class Finding(msgspec.Struct, frozen=True):
    """The result of one check."""

    what: str
    ok: bool
    text: str


class _Problem(Exception):
    """A check failed; the message says why and what would be right."""


def findings(settings: Settings) -> Iterator[Finding]:
    """The results, in an order in which each makes sense after those before it."""
    checks: list[tuple[str, Callable[[Settings], str]]] = []
    if settings.tls_cert:
        checks.append(("TLS certificate", _tls))
    checks.append(("data directory", _directory))
    if settings.data_dir.is_dir():
        checks += [
            ("writing", _writing),
            ("lock", _lock),
            ("journal", _journal),
            ("accounts", _accounts),
        ]
    checks.append(("free space", _space))
    for what, check in checks:
        yield _finding(what, check, settings)


def _finding(what: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(what, True, check(settings))
    except (_Problem, HopliteError) as problem:
        return Finding(what, False, str(problem))
    except (OSError, sqlite3.Error) as error:
        return Finding(what, False, str(error))


def _tls(settings: Settings) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            settings.tls_cert or "", settings.tls_key, password=_no_password
        )
    except (OSError, ValueError) as error:
        raise _Problem(f"{settings.tls_cert} and {settings.tls_key}: {error}") from None
    return f"{settings.tls_cert} and its key fit"


def _no_password() -> str:
    raise ValueError("the key has a password; hoplite needs one without")


def _directory(settings: Settings) -> str:
    path = settings.data_dir
    if not path.exists():
        above = next(parent for parent in path.parents if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise _Problem(f"{path} cannot be made: {above} cannot be written")
        return f"{path} will be made"
    if not path.is_dir():
        raise _Problem(f"{path} is not a directory: choose another with --data-dir")
    found = path.stat()
    if not hasattr(os, "geteuid"):
        return str(path)
    if found.st_uid != os.geteuid():
        raise _Problem(
            f"{path} belongs to {_user(found.st_uid)}, not to {_user(os.geteuid())}: run this as "
            f"{_user(found.st_uid)}, or choose another directory"
        )
    mode, allowed = stat.S_IMODE(found.st_mode), allowed_mode()
    if mode & ~allowed:
        raise _Problem(f"{path} is open to others (mode {mode:04o}): chmod {allowed:04o} {path}")
    _reachable(path)
    return f"{path} (mode {mode:04o}, owner {_user(found.st_uid)})"


def _reachable(path: Path) -> None:
    """Root's jobs run as other users, who must get to their directories."""
    if os.geteuid() != 0:
        return
    for each in (path, *path.parents):
        if not each.stat().st_mode & stat.S_IXOTH:
            raise _Problem(
                f"jobs of other users cannot reach their directories in {path}: {each} is closed "
                "to them; for a server that runs as root set data_dir to /var/lib/hoplite"
            )


def _writing(settings: Settings) -> str:
    try:
        with tempfile.TemporaryFile(dir=settings.data_dir) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _Problem(f"{settings.data_dir} cannot be written: {error.strerror}") from None
    return "a file can be made and written"


def _space(settings: Settings) -> str:
    path = settings.data_dir
    usage = shutil.disk_usage(next(each for each in (path, *path.parents) if each.exists()))
    free = size_text(usage.free // MIB * MIB)
    if usage.free < _LITTLE_SPACE:
        raise _Problem(f"{free} left, less than {size_text(_LITTLE_SPACE)}")
    return f"{free} left"


def _lock(settings: Settings) -> str:
    running = holder(settings.data_dir)
    return f"in use by {running}" if running else "no server is running here"


def _journal(settings: Settings) -> str:
    path = settings.data_dir / JOURNAL_FILE
    if not path.exists():
        return "none yet; the server makes it"
    newest = journal_schema.migrations()[-1].number
    with _read_only(path) as connection:
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if owner not in (0, journal_schema.APPLICATION_ID):
            raise _Problem(f"{path} is a database of another program")
        if version > newest:
            raise _Problem(
                f"{path} has schema version {version}, written by a newer hoplite; this one knows "
                f"up to {newest}: upgrade hoplite"
            )
        _quick_check(connection, path)
    return f"sound, schema version {version} of {newest}"


def _accounts(settings: Settings) -> str:
    path = settings.data_dir / ACCOUNTS_FILE
    wanted = "users" in settings.auth
    count = 0
    if path.exists():
        if path.stat().st_mode & 0o077:
            raise _Problem(f"{path} is open to others: chmod 0600 {path}")
        with _read_only(path) as connection:
            version = accounts_database.schema_version(connection, path)
            _quick_check(connection, path)
            if version:
                count = connection.execute("SELECT count(*) FROM users").fetchone()[0]
    if wanted and not count and not {"kernel", "proxy"} & set(settings.auth):
        raise _Problem(
            'nobody can log in: auth is "users" and there are none; '
            "hoplite-server user add NAME --role admin"
        )
    return f"users: {count}" + ("" if wanted else ' (not used: auth has no "users")')


@contextlib.contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    wal = path.with_name(path.name + "-wal")
    # Without a write-ahead log nobody has it open, and "immutable" leaves no files behind.
    mode = "mode=ro" if wal.exists() else "immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=5)
    try:
        yield connection
    except sqlite3.Error as error:
        raise StorageUnavailableError(f"{path} cannot be read: {error}") from None
    finally:
        connection.close()


def _quick_check(connection: sqlite3.Connection, path: Path) -> None:
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise _Problem(f"{path} is damaged ({' '.join(said.split())}): restore it from a backup")


def _user(uid: int) -> str:
    import pwd  # noqa: PLC0415 - POSIX only

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"

"""A TOML file of settings that is changed so that nothing but the one value is another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from hoplite.crashpoints import crash_point
from hoplite.exceptions import SettingError, StorageUnavailableError
from hoplite.settings.described import Setting
from hoplite.settings.units import duration, duration_text, size_text


class TomlFile:
    """The file ``path``, which need not be there; a link is followed, so that it stays one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def text(self) -> str:
        """What is in it, empty if it is not there.  Raises
        :class:`~hoplite.exceptions.StorageUnavailableError`."""
        try:
            return self.path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StorageUnavailableError(
                f"the settings file {self.path} cannot be read: {error.strerror}"
            ) from error
        except UnicodeDecodeError as error:
            raise SettingError(
                f"the settings file {self.path} is not UTF-8: {error.reason} at byte {error.start}",
                field="config",
            ) from error

    @contextmanager
    def replaced_by(self, text: str) -> Iterator[None]:
        """Write ``text`` beside the file, and put it in its place when the block is left well.  Who
        dies on the way, or fails, leaves the file as it was."""
        target = self.path.resolve()
        fresh = target.with_name(f".{target.name}.new")
        try:
            _write(fresh, text, like=target)
            yield
            crash_point("settings.before_replace")
            fresh.replace(target)
            _sync_directory(target.parent)
        except OSError as error:
            raise StorageUnavailableError(
                f"the settings file {target} cannot be written: {error.strerror or error}; nothing "
                "was changed"
            ) from error
        finally:
            with suppress(OSError):
                fresh.unlink()


def with_value(text: str, setting: Setting, value: Any) -> str:
    """The TOML ``text`` with another value of ``setting``; None takes it out.  Raises
    :class:`~hoplite.exceptions.SettingError` if ``text`` is not TOML."""
    try:
        document = tomlkit.parse(text)
        if value is None:
            document.pop(setting.name, None)
        else:
            document[setting.name] = toml_value(setting, value)
    except TOMLKitError as error:
        raise SettingError(f"the settings file is not TOML: {error}", field="config") from error
    return tomlkit.dumps(document)


def toml_value(setting: Setting, value: Any) -> Any:
    """A value as people write it in the file."""
    if setting.kind == "size":
        return size_text(value)
    if setting.kind == "duration":
        written = duration_text(value)
        return written if duration(written) == value else value
    if setting.kind == "list":
        return [each.value if isinstance(each, Enum) else str(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _write(fresh: Path, text: str, like: Path) -> None:
    """As ``like`` in mode, owner and attributes if that is there, else for its owner only."""
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(fresh, flags, 0o600), "wb") as file:  # noqa: PTH123 - of a descriptor
        file.write(text.encode("utf-8"))
        if like.exists():
            before = like.stat()
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(fresh, before.st_uid, before.st_gid)
            shutil.copystat(like, fresh)
            os.utime(fresh)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The settings in force in one server, and how they are changed while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from hoplite.exceptions import HopliteError, SettingError, SettingNotChangedError
from hoplite.settings.changing import AT_ONCE
from hoplite.settings.contradictions import refuse_contradictions
from hoplite.settings.conversion import converted
from hoplite.settings.described import Setting
from hoplite.settings.fields import Settings
from hoplite.settings.sources import Loaded
from hoplite.settings.toml_file import TomlFile, with_value

log = structlog.get_logger("hoplite.settings")


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A setting has another value in the file, and perhaps in force."""

    setting: Setting
    before: Any
    """What was in force."""
    value: Any
    """What is to be."""
    overruled_by: str | None = None
    """The option or variable that goes before the file, so that this one is without effect."""
    at_once: bool
    """It is in force now; else after a restart, if nothing overrules it."""
    file: Path


class Configuration:
    """``settings`` are those in force.  Who keeps a value that can change subscribes."""

    def __init__(self, settings: Settings, loaded: Loaded | None = None) -> None:
        self._settings = settings
        self._loaded = loaded
        self._subscribers: list[Callable[[Settings], None]] = []
        self._changing = threading.Lock()

    @classmethod
    def of(cls, loaded: Loaded) -> Configuration:
        """Those that were read, which can be changed.  Raises
        :class:`~hoplite.exceptions.SettingError` for contradictions."""
        refuse_contradictions(loaded.settings)
        return cls(loaded.settings, loaded)

    @property
    def settings(self) -> Settings:
        """Those in force now; look again each time."""
        return self._settings

    @property
    def file(self) -> TomlFile | None:
        """Where changes are written; None: a program that embeds the server gives its settings."""
        return None if self._loaded is None else TomlFile(self._loaded.changes_file)

    def origin(self, name: str) -> str:
        """Where the value comes from that is in force after a restart."""
        if self._loaded is None:
            return "the program that runs this server"
        return self._loaded.origins.get(name, "default")

    def after_restart(self, name: str) -> Any:
        """The value that the file and the rest have for then."""
        return getattr(self._settings if self._loaded is None else self._loaded.settings, name)

    def subscribe(self, hear: Callable[[Settings], None]) -> None:
        """``hear`` gets the settings each time that some are changed."""
        self._subscribers.append(hear)

    def change(
        self, setting: Setting, value: Any, origin: str, record: Callable[[Changed], None]
    ) -> Changed:
        """Give a setting another value, in the file and, where that can be, at once; None puts it
        back to what it is without the file.

        ``origin`` names, in errors, where the value came from.  ``record`` is called when all is
        checked and nothing changed yet; if it raises, nothing is.

        Raises :class:`~hoplite.exceptions.SettingError` for a value that is wrong or contradicts
        others, :class:`~hoplite.exceptions.SettingNotChangedError` where the file is not sound or
        there can be none, :class:`~hoplite.exceptions.StorageUnavailableError`.
        """
        with self._changing:
            return self._change(setting, value, origin, record)

    def _change(
        self, setting: Setting, value: Any, origin: str, record: Callable[[Changed], None]
    ) -> Changed:
        if self._loaded is None or (file := self.file) is None:
            raise SettingNotChangedError(
                f"{setting.name} cannot be changed here: the program that runs this server gives it "
                "its settings"
            )
        meant = None if value is None else converted(setting, value, origin)
        text = self._sound_text(file)
        fresh = with_value(text, setting, meant)
        loaded = self._loaded.sources.read((file.path, fresh))
        refuse_contradictions(loaded.settings)
        now = self._with(setting.name, getattr(loaded.settings, setting.name))
        changed = self._changed(setting, meant, loaded)
        if fresh != text:
            with file.replaced_by(fresh):
                record(changed)
        elif changed.at_once and changed.value != changed.before:
            record(changed)
        self._loaded = loaded
        if changed.at_once:
            self._become(now)
        log.info("setting changed", setting=setting.name, at_once=changed.at_once)
        return changed

    def _sound_text(self, file: TomlFile) -> str:
        """What is in the file now; it may have been changed by hand, and not well."""
        assert self._loaded is not None
        try:
            text = file.text()
            self._loaded.sources.read((file.path, text))
        except SettingError as error:
            raise SettingNotChangedError(
                f"{file.path} is not sound, so nothing is changed in it: {error.message}"
            ) from error
        return text

    def _changed(self, setting: Setting, value: Any, loaded: Loaded) -> Changed:
        origin = loaded.origins.get(setting.name)
        return Changed(
            setting=setting,
            before=getattr(self._settings, setting.name),
            value=getattr(loaded.settings, setting.name) if value is None else value,
            overruled_by=None if origin in (None, str(loaded.changes_file)) else origin,
            at_once=setting.name in AT_ONCE and origin in (None, str(loaded.changes_file)),
            file=loaded.changes_file,
        )

    def _with(self, name: str, value: Any) -> Settings:
        now = msgspec.structs.replace(self._settings, **{name: value})
        if name in AT_ONCE:
            refuse_contradictions(now)
        return now

    def _become(self, settings: Settings) -> None:
        self._settings = settings
        for hear in self._subscribers:
            try:
                hear(settings)
            except HopliteError as error:
                # It is in the file, and the next look at the settings sees it.
                log.warning("a changed setting was not taken up at once", error=str(error))

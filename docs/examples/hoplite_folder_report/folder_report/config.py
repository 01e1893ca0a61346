"""Reading a job's config, with errors that say what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Status(Protocol):
    """The part of hoplite's status updater that the plugins use."""

    def update(self, status: dict[str, Any]) -> None: ...

    def progress(self, done: float, total: float, text: str = "") -> None: ...


class ConfigError(ValueError):
    """The job's config is not one that the plugin can work with."""


def known_keys(config: Mapping[str, Any], *keys: str) -> None:
    for key in config:
        if key not in keys:
            raise ConfigError(f"config has {key!r}; what is known is {', '.join(keys)}")


def existing(config: Mapping[str, Any], key: str) -> Path:
    """The absolute path under ``key``, of something that is there."""
    path = Path(text(config, key))
    if not path.is_absolute():
        raise ConfigError(f"config[{key!r}] is {str(path)!r}; give an absolute path")
    if not path.exists():
        raise ConfigError(f"config[{key!r}] is {str(path)!r}, which does not exist")
    return path


def text(config: Mapping[str, Any], key: str, default: str = "") -> str:
    value = config.get(key, default)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"config[{key!r}] must be a text that is not empty, not {value!r}")
    return value


def count(config: Mapping[str, Any], key: str, default: int) -> int:
    value = config.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError(f"config[{key!r}] must be a whole number from 0 up, not {value!r}")
    return value

"""Where settings come from: options, then the environment, then a TOML file, then the file of the
data directory, then defaults."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from hoplite.data_directory import CONFIG_FILE
from hoplite.exceptions import SettingError
from hoplite.settings.contradictions import refuse_contradictions
from hoplite.settings.conversion import converted
from hoplite.settings.described import ENV_PREFIX, by_name
from hoplite.settings.fields import Settings

OTHER_VARIABLES = {
    "HOPLITE_CONFIG": "the file that the server reads its settings from",
    "HOPLITE_ADDRESS": "the server that clients of the command line ask",
    "HOPLITE_TOKEN": "the token that clients show",
    "HOPLITE_CLIENT_CONFIG": "the file that clients read their credentials from",
    "HOPLITE_CRASH_AT": "in tests: where the process dies",
    "HOPLITE_WARDEN_CRASH_AT": "in tests: where the process that jobs are forked from dies",
    "HOPLITE_JOB_ID": "in a job's process: its id",
    "HOPLITE_JOB_UUID": "in a job's process: its uuid",
}
"""Variables with the prefix that are no settings."""


class Sources(msgspec.Struct, frozen=True):
    """What one server was told where, so that it can be read again."""

    options: dict[str, Any]
    """Values by setting name, without those that were not given."""
    environ: dict[str, str]
    named: Path | None
    """The file that was named, or that lies where one is looked for."""

    def read(self, changed: tuple[Path, str] | None = None) -> Loaded:
        """Like :func:`read`.  ``changed``: read this text as if it were in that file."""
        others = [*_from_environment(self.environ), *_from_options(self.options)]
        named = list(_from_file(self.named, changed)) if self.named else []
        own = _own_file([*named, *others])
        found = [*_from_own_file(own, changed), *named, *others]
        return Loaded(
            settings=Settings(**{name: value for name, value, _ in found}),
            origins={name: origin for name, _, origin in found},
            config_file=self.named or (own if _is_there(own) else None),
            changes_file=self.named or own,
            sources=self,
        )


class Loaded(msgspec.Struct, frozen=True):
    """Settings, and where each that is not a default came from."""

    settings: Settings
    origins: dict[str, str]
    config_file: Path | None
    """The file that was read; None: none."""
    changes_file: Path
    """Where changes are written: the file that was read, else that of the data directory."""
    sources: Sources


def load(
    cli: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    config_file: str | Path | None = None,
) -> Settings:
    """The settings to run with; raises :class:`~hoplite.exceptions.SettingError`.

    ``cli``: values by setting name, None where the option was not given; ``environ``: by default
    the process's; ``config_file``: by default ``HOPLITE_CONFIG``, else the user's
    ``hoplite/hoplite.toml`` in the configuration directory if there is one.  ``config.toml`` in the
    data directory counts less than any of these.
    """
    loaded = read(cli, environ, config_file)
    refuse_contradictions(loaded.settings)
    return loaded.settings


def from_arguments(**values: Any) -> Settings:
    """Checked settings from Python values alone: no environment, no file."""
    _refuse_unknown(values, "the arguments")
    settings = Settings(
        **{name: converted(by_name()[name], value, name) for name, value in values.items()}
    )
    refuse_contradictions(settings)
    return settings


def read(
    cli: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    config_file: str | Path | None = None,
) -> Loaded:
    """Like :func:`load`, with the origins, and without looking for contradictions."""
    environ = os.environ if environ is None else environ
    return Sources(
        options={name: value for name, value in (cli or {}).items() if value is not None},
        environ={name: text for name, text in environ.items() if name.startswith(ENV_PREFIX)},
        named=_config_path(environ, config_file),
    ).read()


def _config_path(environ: Mapping[str, str], config_file: str | Path | None) -> Path | None:
    named = config_file or environ.get("HOPLITE_CONFIG")
    if named:
        return Path(named).expanduser().absolute()
    usual = Path(platformdirs.user_config_dir("hoplite", appauthor=False)) / "hoplite.toml"
    return usual if usual.exists() else None


_Found = tuple[str, Any, str]


def _own_file(found: Iterable[_Found]) -> Path:
    """The file of the data directory that ``found`` names, else of the usual one."""
    named = [value for name, value, _ in found if name == "data_dir"]
    directory: Path = named[-1] if named else Settings().data_dir
    return directory / CONFIG_FILE


def _from_own_file(path: Path, changed: tuple[Path, str] | None) -> Iterable[_Found]:
    """What the server was told while it ran.  The file need not be there."""
    if (changed is None or changed[0] != path) and not _is_there(path):
        return
    for name, value, origin in _from_file(path, changed):
        if name == "data_dir":
            raise SettingError(
                f"setting data_dir cannot be set in {path}, which is found by it: use an option, a "
                "variable or a file elsewhere",
                field="data_dir",
            )
        yield name, value, origin


def _is_there(path: Path) -> bool:
    # A directory that may not be looked into is for the start to complain of.
    return os.path.lexists(path)


def _from_file(path: Path, changed: tuple[Path, str] | None) -> Iterable[_Found]:
    try:
        known = changed is not None and changed[0] == path
        table = tomllib.loads(changed[1] if changed and known else path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(
            f"the settings file {path} cannot be read: {error.strerror}", field="config"
        ) from error
    except ValueError as error:
        raise SettingError(f"the settings file {path} is not TOML: {error}", field="config") from (
            error
        )
    _refuse_unknown(table, str(path))
    for name, value in table.items():
        meant = converted(by_name()[name], value, str(path), as_text=False, base=path.parent)
        yield name, meant, str(path)


def _from_environment(environ: Mapping[str, str]) -> Iterable[_Found]:
    by_variable = {setting.env: setting for setting in by_name().values()}
    for variable, text in environ.items():
        if not variable.startswith(ENV_PREFIX) or variable in OTHER_VARIABLES:
            continue
        if variable not in by_variable:
            raise SettingError(
                f"unknown setting {variable} in the environment"
                + _close(variable, [*by_variable, *OTHER_VARIABLES]),
                field=variable.removeprefix(ENV_PREFIX).lower(),
            )
        setting = by_variable[variable]
        yield setting.name, converted(setting, text, variable), variable


def _from_options(cli: Mapping[str, Any]) -> Iterable[_Found]:
    _refuse_unknown(cli, "the options")
    for name, value in cli.items():
        setting = by_name()[name]
        if value is not None:
            yield name, converted(setting, value, setting.option), setting.option


def _refuse_unknown(names: Iterable[str], where: str) -> None:
    for name in names:
        if name not in by_name():
            raise SettingError(
                f"unknown setting {name} in {where}{_close(name, by_name())}", field=name
            )


def _close(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.replace("-", "_"), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""

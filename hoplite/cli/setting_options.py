"""Command-line options made from the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from hoplite.cli.program import Invocation
from hoplite.settings.contradictions import refuse_contradictions
from hoplite.settings.described import Setting, by_name
from hoplite.settings.sources import Loaded, read

_SHORT = {"port": "-p", "debug": "-d"}
_METAVARS = {
    "int": "N",
    "number": "N",
    "size": "SIZE",
    "duration": "TIME",
    "path": "PATH",
    "text": "TEXT",
}
Command = TypeVar("Command", bound=Callable[..., Any])


def setting_options(*names: str) -> Callable[[Command], Command]:
    """``--config`` and an option for each of these settings, by default for all.

    The command gets them as ``**given``, for :func:`loaded`.
    """
    settings = [by_name()[name] for name in names] if names else list(by_name().values())

    def decorate(command: Command) -> Command:
        for setting in reversed(settings):
            command = _option(setting)(command)
        return click.option(
            "--config",
            metavar="FILE",
            help="TOML file with settings. [env: HOPLITE_CONFIG; default: hoplite/hoplite.toml in "
            "the user's configuration directory, if it is there]",
        )(command)

    return decorate


def loaded(invocation: Invocation, given: dict[str, Any]) -> Loaded:
    """The settings, from options before and after the subcommand, the environment and the file;
    contradictions are left in."""
    remember(invocation, given)
    return read(invocation.given, None, invocation.config_file)


def checked(invocation: Invocation, given: dict[str, Any]) -> Loaded:
    """Like :func:`loaded`, and free of contradictions."""
    found = loaded(invocation, given)
    refuse_contradictions(found.settings)
    return found


def remember(invocation: Invocation, given: dict[str, Any]) -> None:
    """Add the options of one command to those before it."""
    named = {name: value for name, value in given.items() if value not in (None, ())}
    invocation.config_file = named.pop("config", invocation.config_file)
    invocation.given |= named
    invocation.debug = bool(invocation.given.get("debug", invocation.debug))


def _option(setting: Setting) -> Callable[[Command], Command]:
    flag = setting.kind == "flag"
    short = [_SHORT[setting.name]] if setting.name in _SHORT else []
    long = f"{setting.option}/--no-{setting.option[2:]}" if flag else setting.option
    return click.option(
        *short,
        long,
        setting.name,
        default=None,
        multiple=setting.kind == "list",
        metavar=None if flag else _metavar(setting),
        help=_help(setting),
    )


def _metavar(setting: Setting) -> str:
    if setting.choices:
        return "|".join(setting.choices)
    return _METAVARS.get(setting.kind, "NAME")


def _help(setting: Setting) -> str:
    facts: Iterable[str] = (f"env: {setting.env}", f"default: {setting.default}")
    repeat = " May be repeated." if setting.kind == "list" else ""
    return f"{setting.description}{repeat} [{'; '.join(facts)}]"

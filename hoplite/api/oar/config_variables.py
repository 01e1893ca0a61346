"""The settings as OAR's configuration variables: under OAR's names where they correspond, else under
their own in capitals.  The table of the former is in docs/oar.rst."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from hoplite.model.accounting import WINDOW_S
from hoplite.settings.described import Setting, by_name, value_text
from hoplite.settings.fields import Settings
from hoplite.settings.units import duration

FACTS: Mapping[str, str] = {
    "ACCOUNTING_WINDOW": str(WINDOW_S),
    "DB_TYPE": "SQLite",
    "OARSUB_DEFAULT_RESOURCES": "/resource_id=1",
    "OARSUB_NODES_RESOURCES": "network_address",
}
"""Variables that clients of OAR look at and that say how it is here: they cannot be set."""


class Words(NamedTuple):
    """How a variable is written."""

    shown: Callable[[Setting, Any], str]
    """A value as text, which ``meant`` takes back."""
    meant: Callable[[Setting, Any], Any]
    """What came in, as the setting takes it; None: the default."""


class Variable(msgspec.Struct, frozen=True):
    """A setting by the name and in the words of OAR."""

    name: str
    setting: Setting
    words: Words

    def shown(self, value: Any) -> str:
        return self.words.shown(self.setting, value)

    def meant(self, given: Any) -> Any:
        return self.words.meant(self.setting, given)


@cache
def variables() -> Mapping[str, Variable]:
    """Every setting by the name of its variable, in the order of names."""
    named = [_variable(setting) for setting in by_name().values()]
    return {each.name: each for each in sorted(named, key=lambda each: each.name)}


def find_variable(name: str) -> Variable | None:
    """By OAR's name, or by the setting's own, as it is or in capitals."""
    setting = by_name().get(name.lower() if name.isupper() else name)
    return variables().get(name) or (None if setting is None else _variable(setting))


def _variable(setting: Setting) -> Variable:
    name, words = OF_OAR.get(setting.name, (setting.name.upper(), _PLAIN))
    return Variable(name, setting, words)


def _shown(setting: Setting, value: Any) -> str:
    if value is None or value == ():
        return ""
    if setting.kind == "number":
        return str(int(value)) if float(value).is_integer() else repr(value)
    text = value_text(setting, value)
    if setting.kind == "duration" and duration(text) != value:
        return repr(value)
    return text


def _meant(setting: Setting, given: Any) -> Any:
    nothing = given == "" and getattr(Settings(), setting.name) is None
    return None if nothing else given


def _shown_as_seconds(setting: Setting, value: Any) -> str:
    return "-1" if value is None else f"{value:.15g}"


def _meant_as_states(setting: Setting, given: Any) -> Any:
    return given.removeprefix("state=") if isinstance(given, str) else given


def _in_other_words(words: Mapping[str, Any]) -> Callable[[Setting, Any], Any]:
    def meant(setting: Setting, given: Any) -> Any:
        # Numbers come as text from OAR's clients, and as numbers from others.
        said = str(given) if isinstance(given, str | int) else given
        return words.get(said, _meant(setting, given)) if isinstance(said, str) else given

    return meant


_PLAIN = Words(_shown, _meant)
_YES_OR_NO = Words(lambda _, value: "yes" if value else "no", _meant)
_LEVEL = Words(_shown, _in_other_words({"1": "error", "2": "warning", "3": "debug"}))
_SECONDS = Words(_shown_as_seconds, _in_other_words({"-1": None}))
_USERS = Words(lambda _, value: "*" if value else "", _in_other_words({"*": True, "": False}))
_STATES = Words(lambda _, value: "state=" + ",".join(value), _meant_as_states)

OF_OAR: Mapping[str, tuple[str, Words]] = {
    "default_states": ("API_JOBS_URI_DEFAULT_PARAMS", _STATES),
    "host": ("SERVER_HOSTNAME", _PLAIN),
    "log_level": ("LOG_LEVEL", _LEVEL),
    "page_limit": ("API_DEFAULT_MAX_ITEMS_NUMBER", _PLAIN),
    "port": ("SERVER_PORT", _PLAIN),
    "users_may_delay_jobs": ("WALLTIME_ALLOWED_USERS_TO_DELAY_JOBS", _USERS),
    "users_may_suspend": ("USERS_ALLOWED_HOLD_RESUME", _YES_OR_NO),
    "walltime_change": ("WALLTIME_CHANGE_ENABLED", _YES_OR_NO),
    "walltime_max_increase": ("WALLTIME_MAX_INCREASE", _SECONDS),
}
"""By setting: OAR's name of it, and its words."""

"""``/config``: the settings of the server, for administrators."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hoplite.api.oar.config_pages import config_page, variable_page
from hoplite.api.oar.config_variables import FACTS, Variable, find_variable, variables
from hoplite.api.oar.endpoint import Answer, Hash, OarCall, OarRoutes, Options, Right
from hoplite.api.oar.links import Link
from hoplite.api.oar.pages import Page
from hoplite.exceptions import (
    InvalidFieldError,
    NotAuthorizedError,
    NotFoundError,
    SettingError,
    SettingNotChangedError,
)
from hoplite.model.timeline import Happening
from hoplite.settings.changing import AT_ONCE, OF_THE_MACHINE
from hoplite.settings.configuration import Changed, Configuration

routes = OarRoutes("OAR configuration")

_VARIABLE = {"variable": "OAR's name of a setting, or its own, like `MAX_RUNNING`."}


class ConfigItem(msgspec.Struct, frozen=True, kw_only=True):
    """One variable.  With `structure=oar` a number takes the place of `id`."""

    id: str | int
    value: Annotated[str, Meta(description="In force now.  Empty: none.")]
    links: Link
    setting: Annotated[str, Meta(description="The server's own name of it.")] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    type: Annotated[str, Meta(description="What it may be, in words.")] | UnsetType = UNSET
    origin: (
        Annotated[str, Meta(description="`default`, an option, a variable or a file.")] | UnsetType
    ) = UNSET
    change_takes_effect: (
        Annotated[str, Meta(description="`at once`, `after restart` or `never`.")] | UnsetType
    ) = UNSET
    after_restart: (
        Annotated[str, Meta(description="The value that it has then, where it is another.")]
        | UnsetType
    ) = UNSET


class ConfigFile(msgspec.Struct, frozen=True):
    """The settings file, as it is."""

    path: str
    file: str


class ConfigValue(msgspec.Struct, frozen=True):
    """A new value of a variable."""

    value: Annotated[
        Any,
        Meta(
            description="As text or as what it is.  Null: what it is without the file.",
            examples=["400", 400, "2h", ["default=2", "besteffort=0"]],
        ),
    ]


@routes.get("/config", right=Right.OAR, answers={200: list[ConfigItem]}, page=config_page)
def list_config(call: OarCall[Options, None]) -> Answer:
    """List the server's settings as OAR's configuration variables, by name."""
    names = sorted([*variables(), *FACTS])
    return _items(call, (_item(call, name) for name in names))


@routes.get("/config/file", right=Right.OAR, answers={200: ConfigFile})
def get_config_file(call: OarCall[Options, None]) -> Answer:
    """Show the settings file: where it is, and what is in it; empty if it is not there yet.

    404 where a program that embeds the server gives it its settings.
    """
    file = call.service.configuration.file
    if file is None:
        raise NotFoundError("this server has no settings file: a program gives it its settings")
    return Answer(ConfigFile(str(file.path), file.text()))


@routes.get(
    "/config/<variable>",
    right=Right.OAR,
    parameters=_VARIABLE,
    answers={200: list[ConfigItem]},
    page=variable_page,
)
def get_config_variable(call: OarCall[Options, None]) -> Answer:
    """Show a configuration variable, as a list of one."""
    name = call.path["variable"]
    found = find_variable(name)
    if found is None and name not in FACTS:
        raise _unknown(name)
    return _items(call, [_item(call, found.name if found else name)])


def _form(call: OarCall[Any, Any]) -> Page:
    """The page of the variable, or of all where there is no such one."""
    name = call.path["variable"]
    if find_variable(name) is None and name not in FACTS:
        return Page("oar/error.html")
    answer = get_config_variable(call)
    assert isinstance(answer, Answer)
    return variable_page(call, msgspec.to_builtins(answer.value))


@routes.post(
    "/config/<variable>",
    right=Right.OAR,
    parameters=_VARIABLE,
    body=ConfigValue,
    about="Configuration variable",
    answers={201: Hash},
    raises=[InvalidFieldError, SettingNotChangedError],
    form=_form,
)
def set_config_variable(call: OarCall[Options, ConfigValue]) -> Answer:
    """Change a configuration variable, in the settings file and, where that is safe, at once.

    The answer has under the variable's name its `value`, and says in `effect` when it holds: `at
    once`, `after restart`, or `none`, with the reason, where an option or a variable of the
    environment goes before the file.
    """
    variable = _to_be_changed(call)

    def record(changed: Changed) -> None:
        call.service.manager.timeline.tell(
            call.caller.name,
            Happening.SETTING_CHANGED,
            setting=changed.setting.name,
            before=variable.shown(changed.before),
            value=variable.shown(changed.value),
            effect=_effect(changed),
        )

    try:
        changed = call.service.configuration.change(
            variable.setting,
            variable.meant(call.body.value),
            f"POST /config/{variable.name}",
            record,
        )
    except SettingError as error:
        raise InvalidFieldError(error.message, field="value") from None
    return _answer(call, variable, changed)


def _answer(call: OarCall[Any, Any], variable: Variable, changed: Changed) -> Answer:
    link = call.link("self", f"/config/{variable.name}")
    said = {
        "status": "created",
        variable.name: {"value": variable.shown(changed.value)},
        "effect": _effect(changed),
        "file": str(changed.file),
        "links": [link],
        "api_timestamp": call.now,
    }
    return Answer(said, 201, {"Location": link.href})


def _effect(changed: Changed) -> str:
    if changed.overruled_by is not None:
        return f"none: {changed.overruled_by} goes before {changed.file}"
    return "at once" if changed.at_once else "after restart"


def _to_be_changed(call: OarCall[Any, Any]) -> Variable:
    name = call.path["variable"]
    if name in FACTS:
        raise SettingNotChangedError(f"{name} says how it is here and cannot be set")
    variable = find_variable(name)
    if variable is None:
        raise _unknown(name)
    if variable.setting.name in OF_THE_MACHINE and call.caller.name != "root" and _server_is_root():
        raise NotAuthorizedError(
            f"{variable.name} decides who gets in or what is done with root's rights: on a server "
            f"that is root, root alone may change it; {call.caller.name} may ask whoever can edit "
            "the settings file"
        )
    return variable


def _server_is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"there is no configuration variable {name}: GET /config lists those that there are"
    )


def _items(call: OarCall[Any, Any], items: Iterable[ConfigItem]) -> Answer:
    found = list(items)
    if call.structure != "oar":
        return Answer(found)
    numbered = enumerate(found)
    return Answer({each.id: msgspec.structs.replace(each, id=n) for n, each in numbered})


def _item(call: OarCall[Any, Any], name: str) -> ConfigItem:
    link = call.link("self", f"/config/{name}")
    variable = variables().get(name)
    if variable is None:
        return ConfigItem(id=name, value=FACTS[name], links=link, change_takes_effect="never")
    return _of_setting(call.service.configuration, variable, link)


def _of_setting(configuration: Configuration, variable: Variable, link: Link) -> ConfigItem:
    setting = variable.setting
    now = getattr(configuration.settings, setting.name)
    then = configuration.after_restart(setting.name)
    at_once = setting.name in AT_ONCE
    return ConfigItem(
        id=variable.name,
        value=variable.shown(now),
        links=link,
        setting=setting.name,
        description=setting.description,
        type=setting.type,
        origin=configuration.origin(setting.name),
        change_takes_effect="at once" if at_once else "after restart",
        after_restart=UNSET if then == now else variable.shown(then),
    )

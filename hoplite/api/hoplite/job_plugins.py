"""``/job_plugins`` and ``/reload``: what can be run."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import UNSET, Meta, UnsetType

from hoplite.api.answers import json_answer
from hoplite.api.endpoint import Call, Routes
from hoplite.exceptions import NotAuthorizedError
from hoplite.plugins.source import PluginSource

routes = Routes("job_plugins")


class PluginsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    details: Annotated[bool, Meta(description="1: tell package, version and doc too.")] = False


class PluginView(msgspec.Struct, frozen=True):
    """One plugin.  ``doc`` is the docstring of its ``run``; null if it could not be read."""

    name: str
    package: str
    version: str
    doc: str | None
    entry_point: str


class PluginNames(msgspec.Struct, frozen=True):
    job_plugins: list[str]
    details: list[PluginView] | UnsetType = UNSET


class Paths(msgspec.Struct, frozen=True):
    paths: list[str]


class Reloaded(msgspec.Struct, frozen=True):
    pass


@routes.get("/job_plugins", query=PluginsQuery, answers={200: PluginNames})
def list_plugins(call: Call[PluginsQuery, None]) -> Response:
    """List the plugins that jobs can be created from, as of the last reload."""
    return json_answer(_names(call.service.manager.plugins, call.query.details))


def _names(source: PluginSource, details: bool) -> PluginNames:
    plugins = source.plugins()
    if not details:
        return PluginNames(list(plugins))
    views = [
        PluginView(p.name, p.package, p.version, p.doc, p.entry_point) for p in plugins.values()
    ]
    return PluginNames(list(plugins), views)


@routes.post("/job_plugins/reload", answers={200: PluginNames}, raises=[NotAuthorizedError])
def reload_plugins(call: Call[Any, None]) -> Response:
    """Look for plugins again; the answer lists them."""
    _reload(call)
    return json_answer(_names(call.service.manager.plugins, False))


@routes.get("/job_plugins/paths", answers={200: Paths})
def list_plugin_paths(call: Call[Any, None]) -> Response:
    """List the directories in which packages are looked for, in order."""
    return json_answer(Paths(call.service.manager.plugins.paths()))


@routes.put("/reload", answers={200: Reloaded}, raises=[NotAuthorizedError])
def reload_packages(call: Call[Any, None]) -> Response:
    """Pick up packages installed, upgraded or removed since the start.

    Running jobs are not disturbed; the next job runs the new code.
    """
    _reload(call)
    return json_answer(Reloaded())


def _reload(call: Call[Any, None]) -> None:
    if not call.caller.may_submit():
        raise NotAuthorizedError(f"{call.caller.name} may read, not reload")
    call.service.manager.reload()

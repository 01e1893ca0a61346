"""``/``, ``/index``, ``/version``, ``/whoami``, ``/timezone``, ``/stress_factor``."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import psutil
from flask import Response, current_app
from msgspec import Meta

import hoplite
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options
from hoplite.api.oar.formats import Format
from hoplite.api.oar.links import Link
from hoplite.api.oar.pages import SERVED, page

routes = OarRoutes("OAR")

API_VERSION = "1.0.2"
"""The version of OAR's API that is spoken here."""
OAR_VERSION = f"2.5.9 (hoplite {hoplite.__version__})"

_COLLECTIONS = {
    "resources": "/resources",
    "full_resources": "/resources/details",
    "jobs": "/jobs",
    "detailed_jobs": "/jobs/details",
    "jobs_table": "/jobs/table",
    "config": "/config",
    "admission_rules": "/admission_rules",
}


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """Versions, by the names of OAR 2.5 and by those of its document."""

    api_version: str = API_VERSION
    apilib_version: str = API_VERSION
    oar_version: str = OAR_VERSION
    api: str = API_VERSION
    apilib: str = API_VERSION
    oar: str = OAR_VERSION
    api_timezone: str
    api_timestamp: int


class Index(Version, frozen=True, kw_only=True):
    """Versions, and where everything is."""

    links: list[Link]


class WhoAmI(msgspec.Struct, frozen=True):
    """Who asks; empty: nobody knows."""

    authenticated_user: str
    api_timestamp: int


class Timezone(msgspec.Struct, frozen=True):
    """The server's timezone; timestamps are in UTC."""

    timezone: str
    api_timestamp: int


class StressFactor(msgspec.Struct, frozen=True):
    """How busy the machine is."""

    GLOBAL_STRESS: Annotated[str, Meta(description="The load average of the last minute.")]
    links: list[Link]
    api_timestamp: int


@routes.get("/", answers={200: Index}, aliases=["/index"])
def index(call: OarCall[Options, None]) -> Answer | Response:
    """Say what this server is and where things are; browsers get a page."""
    served = current_app.extensions[SERVED]
    links = [Link("self", call.base.href("/./"))]
    links += [
        call.link("collection", path, title)
        for title, path in _COLLECTIONS.items()
        if path in served
    ]
    if call.wanted.format is Format.HTML:
        return page("oar/index.html", version=OAR_VERSION, links=links)
    return Answer(Index(api_timezone=_timezone(), api_timestamp=call.now, links=links))


@routes.get("/version", answers={200: Version})
def version(call: OarCall[Options, None]) -> Answer:
    """Give versions and timezone."""
    return Answer(Version(api_timezone=_timezone(), api_timestamp=call.now))


@routes.get("/whoami", answers={200: WhoAmI})
def whoami(call: OarCall[Options, None]) -> Answer:
    """Say as whom the server knows you."""
    return Answer(WhoAmI(call.known.name if call.known else "", call.now))


@routes.get("/timezone", answers={200: Timezone})
def timezone(call: OarCall[Options, None]) -> Answer:
    """Give the server's timezone."""
    return Answer(Timezone(_timezone(), call.now))


@routes.get("/stress_factor", answers={200: StressFactor})
def stress_factor(call: OarCall[Options, None]) -> Answer:
    """Say how busy the machine is."""
    load = psutil.getloadavg()[0]
    return Answer(StressFactor(f"{load:.2f}", [call.link("self", "/stress_factor")], call.now))


def _timezone() -> str:
    now = time.localtime()
    return now.tm_zone

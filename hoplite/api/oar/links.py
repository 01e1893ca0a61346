"""Links: where things are, below the mount that the request came to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from flask import Request

from hoplite.api.auth.addresses import Networks
from hoplite.api.serving.environ import IN_PROCESS, peer

OPEN = "/oarapi"
PRIVATE = "/oarapi-priv"
MOUNTS = (OPEN, PRIVATE)

_PREFIX = re.compile(r"(?:https?://[A-Za-z0-9._:\[\]-]+)?(?:/[A-Za-z0-9._~%-]+)*/?")
_IN_PATH = "/:@!$&'()*+,;=~"
_URI_KEYS = {"self": "uri", "node": "node_uri", "jobs": "jobs_uri"}


def mount_of(path: str) -> str | None:
    """The mount that ``path`` is below."""
    return next((each for each in MOUNTS if path == each or path.startswith(f"{each}/")), None)


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where something is, and what it is to the thing that has the link."""

    rel: str
    href: str
    title: str | None = None


@dataclass(frozen=True)
class Base:
    """What stands before every path: ``<proxy's prefix><mount>``."""

    root: str
    mount: str

    def href(self, path: str | bytes, *, extension: str = "") -> str:
        """The address of ``path``, as bytes where it names a file."""
        return self.root + self.mount + quote(path, safe=_IN_PATH) + extension

    def again(self, request: Request) -> str:
        """The path of the request itself, as it was asked for, with its extension."""
        return self.root + quote(path_of(request), safe=_IN_PATH)


def path_of(request: Request) -> bytes:
    """The path of a request, mount and all, in the very bytes: names of files need not be text."""
    path: str = request.environ["PATH_INFO"]
    return b"/" + path.encode("latin-1").lstrip(b"/")


def root_of(request: Request, proxies: Networks) -> str:
    """What clients put before our own paths: what the proxy took off, as it says in
    ``X-Api-Path-Prefix`` (believed of the proxies in the setting ``behind_proxy`` alone) or in
    ``X-Forwarded-Prefix``."""
    environ = request.environ
    prefix = environ.get("HTTP_X_API_PATH_PREFIX", "").strip()
    trusted = IN_PROCESS not in environ and peer(environ)[0] in proxies
    if not prefix or not trusted or not _PREFIX.fullmatch(prefix):
        return request.script_root
    own = environ.get("werkzeug.proxy_fix.orig", {}).get("SCRIPT_NAME", request.script_root)
    return str(prefix.rstrip("/") + own)


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """The query's parameters in their order; ``;`` separates them as ``&`` does."""
    text = request.query_string.decode("utf-8", "replace").replace(";", "&")
    return parse_qsl(text, keep_blank_values=True)


def encoded(pairs: Iterable[tuple[str, str]]) -> str:
    """The query again, in OAR's encoding."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def uris(links: Iterable[Link]) -> dict[str, Any]:
    """``uri``, ``node_uri`` and ``jobs_uri``, as the document's older examples have them."""
    keyed = ((_URI_KEYS.get(link.title or link.rel), link.href) for link in links)
    return {key: href for key, href in keyed if key is not None}

"""Proxies in front of the server: whose headers count, and whom they name."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from hoplite.api.auth.addresses import Networks
from hoplite.api.serving.environ import IN_PROCESS, PEER, Environ, peer
from hoplite.exceptions import NotAuthenticatedError
from hoplite.model.caller import Caller, Role

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# What a user may be called; a list, as of a header sent twice, is none.
_NAME = re.compile(r"[^\s,;:\"'\x00-\x20\x7f]{1,128}")

_FORWARDED = (
    "HTTP_FORWARDED",
    *(f"HTTP_X_FORWARDED_{what}" for what in ("FOR", "PROTO", "HOST", "PORT", "PREFIX")),
)
"""What a proxy says of its client, in all the ways that anybody here reads."""


class TrustedProxies:
    """WSGI middleware: ``X-Forwarded-*`` and the identity header, from the proxies only.

    From any other peer these headers are taken out before the application sees them.  The TCP peer
    stays known as ``hoplite.peer``.
    """

    def __init__(self, app: WSGIApplication, *, proxies: Collection[str], user_header: str) -> None:
        self._app = app
        self._forwarded = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_port=1, x_prefix=1)
        self._proxies = Networks(proxies)
        self._user_key = header_key(user_header)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[PEER] = peer(environ)
        if environ[PEER][0] in self._proxies and IN_PROCESS not in environ:
            return self._forwarded(environ, start_response)
        for key in (*_FORWARDED, self._user_key):
            environ.pop(key, None)
        return self._app(environ, start_response)


class ProxyAuthenticator:
    """The user whom a proxy names in its header; believed only from the proxies' addresses."""

    def __init__(self, *, proxies: Networks, user_header: str, admins: Collection[str]) -> None:
        self._proxies = proxies
        self._header = user_header
        self._user_key = header_key(user_header)
        self._admins = frozenset(admins)

    def identify(self, environ: Environ) -> Caller | None:
        if peer(environ)[0] not in self._proxies:
            return None
        name = environ.get(self._user_key, "").strip()
        if not name:
            return None
        if not _NAME.fullmatch(name):
            raise NotAuthenticatedError(f"the proxy's header {self._header} is not one user name")
        return Caller(name, Role.ADMIN if name in self._admins else Role.USER, "proxy")

    def challenges(self) -> list[str]:
        return []


def header_key(name: str) -> str:
    """The key of a request header in the WSGI environ."""
    return "HTTP_" + name.upper().replace("-", "_")

"""``POST ...?method=delete`` with a form is ``DELETE``, which forms of browsers cannot send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from hoplite.api.oar.links import mount_of

_FORM = "application/x-www-form-urlencoded"


class FormMethods:
    """Around the app, below the mounts."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if _means_delete(environ):
            environ["REQUEST_METHOD"] = "DELETE"
        found: Iterable[bytes] = self._app(environ, start_response)
        return found


def _means_delete(environ: dict[str, Any]) -> bool:
    if environ["REQUEST_METHOD"] != "POST" or "method=" not in environ.get("QUERY_STRING", ""):
        return False
    media = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    path = "/" + environ.get("PATH_INFO", "").lstrip("/")
    pairs = parse_qsl(environ["QUERY_STRING"])
    return media == _FORM and mount_of(path) is not None and ("method", "delete") in pairs

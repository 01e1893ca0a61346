"""``ClientMixin``, under the name by which programs for Hoplite 15 import it."""

from __future__ import annotations

import json
from typing import Any

import requests

from hoplite.exceptions import InternalServerError

_TIMEOUT_S = 30.0


class ClientMixin:
    """Requests in JSON: ``data`` is sent as JSON, and an answer 500 is raised as
    :class:`~hoplite.exceptions.InternalServerError`.  Other answers are returned as they are.

    For programs that subclass it; the client itself does not.
    """

    def jget(self, url: str, **request: Any) -> requests.Response:
        return _asked("GET", url, request)

    def jpost(self, url: str, **request: Any) -> requests.Response:
        return _asked("POST", url, _with_json(request))

    def jput(self, url: str, **request: Any) -> requests.Response:
        return _asked("PUT", url, _with_json(request))

    def jpatch(self, url: str, **request: Any) -> requests.Response:
        return _asked("PATCH", url, _with_json(request))

    def jdelete(self, url: str, **request: Any) -> requests.Response:
        return _asked("DELETE", url, _with_json(request))


def _with_json(request: dict[str, Any]) -> dict[str, Any]:
    if "data" in request:
        request = {**request, "data": json.dumps(request["data"]).encode()}
    return {**request, "headers": request.get("headers") or {"Content-Type": "application/json"}}


def _asked(method: str, url: str, request: dict[str, Any]) -> requests.Response:
    answer = requests.request(method, url, **{"timeout": _TIMEOUT_S, **request})
    if answer.status_code == 500:
        raise InternalServerError(f"{method} {url} answered 500: {answer.text[:200]}")
    return answer

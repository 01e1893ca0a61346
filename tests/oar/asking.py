"""Requests to an app in the tests' own process, and what its answers say."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from werkzeug.test import TestResponse

from tests.oar.golden import PASSWORD

JSON = {"Accept": "application/json"}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ERROR = {"code", "title", "message"}


def login(user: str) -> dict[str, str]:
    text = b64encode(f"{user}:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def body_of(answer: TestResponse) -> Any:
    return answer.json


def error(answer: TestResponse) -> tuple[int, str]:
    body = body_of(answer)
    assert body.keys() == ERROR
    assert body["code"] == answer.status_code
    return body["code"], body["title"]

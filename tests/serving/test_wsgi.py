"""``hoplite.wsgi``, under servers that know nothing of it."""

from __future__ import annotations

import os

import msgspec
import pytest
from werkzeug.test import Client, TestResponse

import hoplite.wsgi
from hoplite.wsgi import ForeignServerApp
from tests.serving.apps import make_app


def test_a_request_is_never_taken_for_one_from_within_the_process() -> None:
    client = Client(ForeignServerApp(make_app()))
    answer = client.get("/environ", environ_overrides={"hoplite.in_process": True})
    assert answer.json is not None
    assert answer.json["hoplite.served_by"] == "'wsgi'"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_server_that_forks_after_loading_is_told_so() -> None:
    """The manager's threads would be missing in the fork."""
    app = ForeignServerApp(make_app())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer: TestResponse = Client(app).get("/pid")
        os.write(writing, msgspec.json.encode([answer.status_code, answer.json]))
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as told:
        status, body = msgspec.json.decode(told.read())
    assert status == 500
    assert "forked" in body["error"]


def test_it_has_nothing_but_app() -> None:
    with pytest.raises(AttributeError, match="no attribute 'application'"):
        hoplite.wsgi.application  # noqa: B018 - reading it is the test

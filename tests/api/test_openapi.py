"""``/openapi.json`` is sound, complete, and what the server does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from hoplite.api import create_app, openapi
from hoplite.api.app import HOPLITE_ROUTES
from tests.server.process import ServerProcess, wait_until

NOT_ROUTES = {"static"}
EXTENSION = "<oarext:extension>"
AGAIN = re.compile(r"/oarapi$|/oarapi-priv(/|$)")
"""What the OAR dialect serves a second time."""


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = create_app()
    yield made
    made.extensions["hoplite"].close()


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    return app.test_client().get("/openapi.json").json


Case = schemathesis.Case[Any]


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_document_is_valid_openapi(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_it_has_every_route_and_no_other(app: Flask, document: Any) -> None:
    registered = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removesuffix(EXTENSION)), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in NOT_ROUTES and not AGAIN.match(rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(document)} == registered


def test_every_error_is_documented(document: Any) -> None:
    codes = set(document["components"]["schemas"]["ErrorAnswer"]["properties"]["code"]["enum"])
    raised = {
        kind.code
        for routes in HOPLITE_ROUTES
        for operation in routes.operations
        for kind in operation.raises
    }
    assert raised < codes
    assert codes.isdisjoint({"error", "job-failed", "timeout", "connection", "invalid-setting"})


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose long polls are short."""
    server = ServerProcess(
        tmp_path_factory.mktemp("described") / "data", "--max-wait", "0.02", "--kill-grace", "0.2"
    ).start()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


schema = schemathesis.openapi.from_dict(
    openapi.document(
        [operation for routes in HOPLITE_ROUTES for operation in routes.operations], "test"
    )
)


def is_sound(case: Case, location: ParameterLocation) -> bool:
    """Whether what the case has there is as the document wants it."""
    part = case.meta.components.get(location) if case.meta is not None else None
    return part is None or part.mode is GenerationMode.POSITIVE


class Jobs:
    """A job for each operation to be done to."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.ended = self._end("golden.print_output")
        self._running = server.run("golden.expose_key", {"seconds": 600})["uuid"]
        told = wait_until(lambda: server.job(self._running)["status"], "the key")
        self._key = told["key"]

    def _end(self, plugin: str) -> str:
        uuid = str(self._server.run(plugin)["uuid"])
        wait_until(lambda: self._server.job(uuid)["finished"], "the end")
        return uuid

    def for_case(self, case: Case) -> str:
        match case.operation.definition.raw["operationId"]:
            case "put_status":
                if is_sound(case, ParameterLocation.BODY) and isinstance(case.body, dict):
                    case.body["api_key"] = self._key
                return str(self._running)
            case "start_job":
                return str(self._server.create("golden.noop")["uuid"])
            case "kill_job":
                return str(self._server.run("golden.sleep", timeout=2)["uuid"])
            case "delete_job":
                return self._end("golden.noop")
            case _:
                return self.ended


@pytest.fixture(scope="module")
def jobs(described: ServerProcess) -> Jobs:
    return Jobs(described)


def bound(case: Case) -> None:
    """Streams that nothing ends would be read for ever: they are asked for what there is."""
    if "follow" in str(case.operation.definition.raw) and is_sound(case, ParameterLocation.QUERY):
        case.query["follow"] = "false"


BEYOND_SCHEMA = {
    "since": "a day that no month has",
    "run": "run and running must not contradict each other",
    "tail": "not with offset",
    "offset": "not of both streams",
    "status": "missing, beside a right key",
    "resource": "a request in a language of its own",
    "properties": "a filter in a language of its own",
    "types": "those that there are",
    "queue": "those that there are",
    "walltime": "not where resource has one",
    "anterior": "of jobs that there are",
    "reservation": "a date",
    "stdout": "a name with the characters that OAR allows",
    "stderr": "the same",
    "notify": "an address or a program",
    **dict.fromkeys(("job_name", "project"), "printable, in all of Unicode"),
}
"""Fields of which the document cannot say all: sound by their schema, they may still be refused."""


def excluded(answer: Any) -> list[Any]:
    if answer.status_code == 400 and answer.json().get("field") in BEYOND_SCHEMA:
        return [schemathesis.checks.positive_data_acceptance]
    return []


@schema.parametrize()
@settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_does_what_the_document_says(
    case: Case, described: ServerProcess, jobs: Jobs
) -> None:
    """No 500; status, media type, headers and JSON as documented; what it forbids is refused."""
    bound(case)
    if "ref" in case.path_parameters and is_sound(case, ParameterLocation.PATH):
        # Of random jobs there are none.
        case.path_parameters["ref"] = jobs.for_case(case)
    answer = case.call(base_url=described.url, session=described.http, timeout=10)
    case.validate_response(answer, excluded_checks=excluded(answer))
    if answer.status_code >= 400 and answer.status_code != 405 and answer.content:
        responses = case.operation.definition.raw["responses"]
        assert f"`{answer.json()['code']}`" in responses[str(answer.status_code)]["description"]

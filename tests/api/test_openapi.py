"""``/openapi.json`` is sound, complete, and what the server does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.core.parameters import ParameterLocation

from hoplite.api import create_app, openapi
from hoplite.api.app import HOPLITE_ROUTES
from tests.server.process import ServerProcess

NOT_ROUTES = {"static"}


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = create_app()
    yield made
    made.extensions["hoplite"].close()


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    return app.test_client().get("/openapi.json").json


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_document_is_valid_openapi(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_it_has_every_route_and_no_other(app: Flask, document: Any) -> None:
    registered = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in NOT_ROUTES
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(document)} == registered


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


@schema.parametrize()
@settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_does_what_the_document_says(
    case: schemathesis.Case, described: ServerProcess
) -> None:
    print(case.operation.label, case.meta.phase.name if case.meta else None, case.path_parameters, case.query, case.headers, str(case.body)[:100])
    if "events" in case.path:
        case.query["follow"] = "0"
    answer = case.call(base_url=described.url, timeout=10)
    print(answer.status_code, answer.text[:200])
    case.validate_response(answer)

"""Every route of the OAR dialect is in the documentation and, as it is, in the OpenAPI document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import checks

from hoplite.api import openapi
from hoplite.api.oar.mount import OAR_ROUTES
from tests.oar import sample
from tests.oar.golden import PASSWORD
from tests.server.process import ServerProcess

DOCS = Path(__file__).parents[2] / "docs" / "oar.rst"
OPERATIONS = [operation for routes in OAR_ROUTES for operation in routes.operations]
Case = schemathesis.Case[Any]

schema = schemathesis.openapi.from_dict(openapi.document(OPERATIONS, "test"))


def test_every_route_is_described_and_no_other() -> None:
    text = DOCS.read_text(encoding="utf-8")
    described = set(re.findall(r"^\.\. http:(\w+):: (\S+)$", text, flags=re.MULTILINE))
    served = {
        (each.method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"(\1)", each.address))
        for each in OPERATIONS
    }
    assert described == served


def test_the_document_of_all_that_can_be_declared_is_valid(app: Flask) -> None:
    document: Any = FlaskClient(app).get("/openapi.json").json
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    paths = document["paths"]
    assert {"/oarapi/rows/{id}", "/oarapi/rows/nodes/{address}", "/oarapi/rows/full"} <= set(paths)
    answer = paths["/oarapi/rows"]["get"]["responses"]["200"]["content"]
    assert set(answer) == {"application/json", "text/yaml", "text/html"}
    body = paths["/oarapi/said"]["post"]["requestBody"]["content"]
    assert "application/x-www-form-urlencoded" in body
    assert len(sample.routes.operations) + len(OPERATIONS) < sum(map(len, paths.values()))


def test_people_find_the_routes_at_docs(app: Flask) -> None:
    page = FlaskClient(app).get("/docs").text
    assert "<code>POST /oarapi/said</code>" in page and "text/yaml" in page


@schema.parametrize()
@settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_does_what_the_document_says(case: Case, oar: ServerProcess) -> None:
    """No 500; status, media type and shape as documented, whatever is put into the query."""
    # The document describes the simple structure only: the other is there for old programs.
    if case.query.get("structure") == "oar":
        case.query["structure"] = "simple"
    answer = case.call(base_url=oar.url, session=oar.http, auth=("kameleon", PASSWORD), timeout=10)
    # An address may be that of several paths: a node called "nodes" has resources too.
    excluded: list[Any] = [checks.allow_header_conformance]
    if any(
        value == "" or (isinstance(value, list) and "" in value) for value in case.query.values()
    ):
        # An option without a value is as if it were not given.
        excluded.append(checks.negative_data_rejection)
    case.validate_response(answer, excluded_checks=excluded)


@pytest.mark.parametrize("extension", ["json", "yaml", "html"])
def test_what_the_http_server_itself_refuses_is_in_the_asked_format(
    own_oar: ServerProcess, extension: str
) -> None:
    answer = own_oar.request("POST", f"/oarapi/version.{extension}", data=b"x" * 3000)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"].partition(";")[0].endswith(extension)
    if extension != "html":
        assert yaml.safe_load(answer.text).keys() == {"code", "title", "message"}

"""Whatever is asked of files is answered as the OpenAPI document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from hoplite.api import openapi
from hoplite.api.oar import media, media_changes
from tests.oar.golden import PASSWORD
from tests.oar.media_server import SERVERS, MediaServer

OPERATIONS = [*media.routes.operations, *media_changes.routes.operations]
Case = schemathesis.Case[Any]

schema = schemathesis.openapi.from_dict(openapi.document(OPERATIONS, "test"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaServer]:
    base = tmp_path_factory.mktemp("media")
    (base / "root").mkdir()
    server = MediaServer(base / "data", "--media-roots", str(base / "root"))
    server.environ["HOME"] = str(base / "root")
    server.start()
    assert server.url, server.log_text()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@schema.parametrize()
@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_is_answered_as_documented(case: Case, server: MediaServer) -> None:
    """No 500, and the shape that is documented, for names of all sorts below the home."""
    if (case.query or {}).get("structure") in ("oar", ""):
        case.query["structure"] = "simple"
    if case.path_parameters and isinstance(case.path_parameters.get("path"), str):
        case.path_parameters["path"] = "~/" + case.path_parameters["path"]
    answer = case.call(base_url=server.url, session=server.http, auth=(SERVERS, PASSWORD))
    case.validate_response(
        answer,
        excluded_checks=[
            checks.allow_header_conformance,
            # What a path may be, and which modes there are, is not known to the document.
            checks.positive_data_acceptance,
            checks.negative_data_rejection,
        ],
    )

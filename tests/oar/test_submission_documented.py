"""Whatever is submitted is answered as the OpenAPI document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from hoplite.api import openapi
from hoplite.api.oar import submission
from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD

Case = schemathesis.Case[Any]

schema = schemathesis.openapi.from_dict(openapi.document(submission.routes.operations, "test"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    server = Cluster(tmp_path_factory.mktemp("submission-documented") / "data")
    server.start()
    assert server.url, server.log_text()
    server.make_nodes()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@schema.parametrize()
@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_submitted_is_answered_as_documented(case: Case, cluster: Cluster) -> None:
    """No 500, and the shape that is documented."""
    if isinstance(case.body, dict):
        # What chance makes up is not to be run.
        case.body["hold"] = "1"
    if (case.query or {}).get("structure") in ("oar", ""):
        case.query["structure"] = "simple"
    answer = case.call(
        base_url=cluster.url, session=cluster.http, auth=("kameleon", PASSWORD), timeout=10
    )
    case.validate_response(
        answer,
        excluded_checks=[
            checks.allow_header_conformance,
            # GET /jobs is declared elsewhere.
            checks.unsupported_method,
            # Which options there are, and what they take, is beyond the document; an option without
            # a value is as if it were not given.
            checks.positive_data_acceptance,
            checks.negative_data_rejection,
        ],
    )

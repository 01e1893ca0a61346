"""What administrators send, whatever it is, is answered as the OpenAPI document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from hoplite.api import openapi
from hoplite.api.oar import (
    admission_rehearsal,
    admission_rules,
    resource_changes,
    resource_generation,
    resource_properties,
    resources,
)
from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD

OPERATIONS = [
    operation
    for module in (
        resources,
        resource_changes,
        resource_generation,
        resource_properties,
        admission_rules,
        admission_rehearsal,
    )
    for operation in module.routes.operations
]
Case = schemathesis.Case[Any]

schema = schemathesis.openapi.from_dict(openapi.document(OPERATIONS, "test"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One that the test may change as it likes."""
    server = Cluster(tmp_path_factory.mktemp("cluster") / "data")
    server.start()
    assert server.url, server.log_text()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@schema.parametrize()
@settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_administrators_send_is_answered_as_documented(
    case: Case, cluster: Cluster
) -> None:
    """No 500, and the shape that is documented."""
    # The document describes the simple structure only, and an empty option is as if not given.
    if (case.query or {}).get("structure") in ("oar", ""):
        case.query["structure"] = "simple"
    answer = case.call(base_url=cluster.url, session=cluster.http, auth=("oar", PASSWORD))
    case.validate_response(
        answer,
        excluded_checks=[
            checks.allow_header_conformance,
            # Which properties there are and what they take, and what is Starlark, is not known to the
            # document.
            checks.positive_data_acceptance,
        ],
    )

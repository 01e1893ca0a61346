"""The documentation names everything that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec
import pytest

from hoplite.api.app import HOPLITE_ROUTES
from hoplite.api.endpoint import Operation
from hoplite.api.metrics import Metrics
from hoplite.cli import exit_codes
from hoplite.cli.client import client
from hoplite.cli.server import server
from hoplite.model.lifecycle import Outcome
from hoplite.model.timeline import OF_ADMINISTRATION, OF_RESOURCES, Happening

DOCS = Path(__file__).parents[2] / "docs"
OPERATIONS = [operation for routes in HOPLITE_ROUTES for operation in routes.operations]
ANYWHERE = frozenset({401, 404, 500, 503, 507})
"""Statuses that a route need not repeat: see "Errors"."""


def text(name: str) -> str:
    return (DOCS / f"{name}.rst").read_text(encoding="utf-8")


def described() -> dict[str, str]:
    """The text of each route of the REST reference by ``GET /jobs``."""
    parts = re.split(r"^\.\. http:(\w+):: (\S+)$", text("rest-hoplite"), flags=re.MULTILINE)
    return {
        f"{method.upper()} {path}": body
        for method, path, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    }


def route(operation: Operation) -> str:
    path = operation.path.replace("<", "(").replace(">", ")")
    return f"{operation.method.upper()} {path}"


def test_every_route_is_described_and_no_other() -> None:
    served = {route(operation) for operation in OPERATIONS} | {"GET /openapi.json"}
    assert set(described()) == served


@pytest.mark.parametrize("operation", OPERATIONS, ids=route)
def test_a_route_is_described_whole(operation: Operation) -> None:
    said = described()[route(operation)]
    for field in msgspec.structs.fields(operation.query):
        assert re.search(rf":query \w+ {field.encode_name}:", said), field.encode_name
    for name in operation.headers:
        assert f":reqheader {name}:" in said
    statuses = {error.http_status for error in operation.raises} - ANYWHERE
    for status in statuses | set(operation.answers):
        assert f":statuscode {status}:" in said, status


def test_every_key_of_a_new_job_is_described() -> None:
    said = described()["POST /jobs"]
    (operation,) = (one for one in OPERATIONS if route(one) == "POST /jobs")
    assert operation.body is not None
    ignored = {"uuid", "api_key", "status"}
    for field in msgspec.structs.fields(operation.body):
        if field.name not in ignored:
            assert re.search(rf"json \w+ {field.name}:|``{field.name}`` is taken", said), field.name


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_explained(outcome: Outcome) -> None:
    assert re.search(rf"^``{outcome.value}``$", text("lifecycle"), re.MULTILINE)
    assert f"``{outcome.value}``" in text("operating")


@pytest.mark.parametrize("happening", Happening)
def test_every_event_is_named(happening: Happening) -> None:
    of_no_job = OF_RESOURCES | OF_ADMINISTRATION
    route = "GET /events" if happening in of_no_job else "GET /jobs/(ref)/events"
    assert re.search(rf"\b{happening.value}\b", described()[route])


def test_every_metric_is_described() -> None:
    for metric in Metrics().registry.collect():
        assert f"``{metric.name}``" in text("operating")


def test_every_command_is_named() -> None:
    for name in server.commands:
        assert f"hoplite-server {name}" in text("operating"), name


def test_every_exit_code_of_the_client_is_told() -> None:
    said = text("command-line")
    for name, code in vars(exit_codes).items():
        if name.isupper() and name != "BY_SIGNAL":
            assert re.search(rf"\b{int(code)}\b", said), name


def test_every_option_of_the_client_has_a_help() -> None:
    for command in [client, *client.commands.values()]:
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{command.name} {option.opts}"
        assert command.help, command.name

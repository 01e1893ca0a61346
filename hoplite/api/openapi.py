"""The OpenAPI 3.1 document, made from the declarations that validate requests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hoplite.api.endpoint import Operation
from hoplite.api.errors import ErrorAnswer
from hoplite.exceptions import (
    ForeignOriginError,
    HopliteError,
    InternalServerError,
    InvalidRequestError,
    NotAuthenticatedError,
    UnavailableError,
)

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"<([^>]+)>")
_PARAMETER_WORDS = {"ref": "The job's uuid or id."}


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The document, as a JSON-able dict."""
    operations = list(operations)
    schemas, components = msgspec.json.schema_components(_types(operations), ref_template=_REF)
    schema_of = dict(zip(map(id, _types(operations)), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PATH_PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hoplite",
            "version": version,
            "description": "A job server that never loses a job and never lies about one.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _types(operations: list[Operation]) -> list[Any]:
    """Every type that has a schema, each once, in a stable order."""
    found: list[Any] = [ErrorAnswer]
    for operation in operations:
        wanted = [operation.query, operation.body, *operation.answers.values()]
        found += [kind for kind in wanted if isinstance(kind, type) and kind not in found]
    return found


def _operation(operation: Operation, schema_of: dict[int, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query(operation), *_headers(operation)],
        "responses": {**_answers(operation, schema_of), **_errors(operation)},
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[id(operation.body)]}},
        }
    if not operation.public:
        # The empty one: over loopback the kernel says who asks, and no credentials are needed.
        described["security"] = [{}, {"basic": []}, {"token": []}]
    return described


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETER_WORDS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in _PATH_PARAMETER.findall(operation.path)
    ]


def _query(operation: Operation) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(operation.query)
    fields = schema["$defs"][operation.query.__name__]["properties"]
    return [_query_parameter(name, dict(field)) for name, field in fields.items()]


def _query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    described = {"name": name, "in": "query", "required": False}
    # A parameter that is not given has no value: null cannot be written in a query.
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema = {**kinds[0], **schema}
    if schema.get("default", 0) is None:
        del schema["default"]
    if text := schema.pop("description", None):
        described["description"] = text
    return {**described, "schema": schema}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string"},
        }
        for name, text in operation.headers.items()
    ]


def _answers(operation: Operation, schema_of: dict[int, Any]) -> dict[str, Any]:
    return {
        str(status): _answer(status, kind, schema_of) for status, kind in operation.answers.items()
    }


_STATUS_WORDS = {
    200: "Done.",
    201: "Created.",
    204: "Nothing more will come.",
    304: "Nothing has changed.",
    503: "Not ready.",
}


def _answer(status: int, kind: Any, schema_of: dict[int, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _STATUS_WORDS[status]}
    if isinstance(kind, str):
        answer["content"] = {media: {"schema": {"type": "string"}} for media in kind.split(", ")}
    elif kind is not None:
        answer["content"] = {"application/json": {"schema": schema_of[id(kind)]}}
    if status == 201:
        answer["headers"] = {"Location": {"schema": {"type": "string"}}}
    return answer


def _errors(operation: Operation) -> dict[str, Any]:
    raised: list[type[HopliteError]] = [*operation.raises, InvalidRequestError, ForeignOriginError]
    raised += [InternalServerError, UnavailableError]
    if not operation.public:
        raised.append(NotAuthenticatedError)
    by_status: dict[int, list[type[HopliteError]]] = {}
    for kind in raised:
        if kind not in by_status.setdefault(kind.http_status, []):
            by_status[kind.http_status].append(kind)
    return {
        str(status): {
            "description": " ".join(f"`{kind.code}`: {_first_line(kind)}" for kind in kinds),
            "content": {"application/json": {"schema": {"$ref": _REF.format(name="ErrorAnswer")}}},
        }
        for status, kinds in sorted(by_status.items())
        if status not in operation.answers
    }


def _first_line(kind: type[HopliteError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]

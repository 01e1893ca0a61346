"""The OpenAPI 3.1 document, made from the declarations that validate requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hoplite.api.endpoint import EventStream, Operation
from hoplite.exceptions import (
    ForeignOriginError,
    HopliteError,
    InternalServerError,
    InvalidFieldError,
    InvalidJsonError,
    InvalidRequestError,
    NotAuthenticatedError,
    StorageUnavailableError,
    TooLargeError,
    UnavailableError,
)

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_PARAMETER_WORDS = {"ref": "The job's uuid or id.", "id": "Its id."}
_PARAMETER_SCHEMAS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
    "number": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
    "path": {"type": "string"},
    "file": {"type": "string"},
}
"""By the kind of the parameter, or by its name where it has none."""
_SEGMENT = {"type": "string", "pattern": "^[^/]+$"}


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The document, as a JSON-able dict."""
    operations = list(operations)
    schemas, components = msgspec.json.schema_components(_types(operations), ref_template=_REF)
    schema_of = dict(zip(_types(operations), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PATH_PARAMETER.sub(r"{\2}", operation.address)
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
    found: list[Any] = []
    for operation in operations:
        answers = [
            kind.data if isinstance(kind, EventStream) else kind
            for kind in operation.answers.values()
        ]
        wanted = [operation.error_type, operation.query, operation.body, *answers]
        found += [
            kind
            for n, kind in enumerate(wanted)
            if kind is not None
            and not isinstance(kind, str)
            and kind not in found
            and kind not in wanted[:n]
        ]
    return found


def _operation(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
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
            "content": {
                media: {"schema": {**schema_of[operation.body], **operation.body_rule}}
                for media in operation.body_media
            },
        }
    if operation.body_files:
        described["requestBody"] = {
            "content": {
                media: {"schema": schema} for media, schema in operation.body_files.items()
            },
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
            "description": operation.parameters.get(name) or _PARAMETER_WORDS[name],
            "schema": _PARAMETER_SCHEMAS.get(kind or name, _SEGMENT),
        }
        for kind, name in _PATH_PARAMETER.findall(operation.path)
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
    elif kinds:
        schema["anyOf"] = kinds
    if schema.get("default", 0) is None:
        del schema["default"]
    if text := schema.pop("description", None):
        described["description"] = text
    return {**described, "schema": schema}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    return [
        {**_query_parameter(name, msgspec.json.schema(kind)), "in": "header"}
        for name, kind in operation.headers.items()
    ]


def _answers(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    answers = {}
    for status, kind in operation.answers.items():
        answers[str(status)] = _answer(status, kind, schema_of, operation.answer_media)
        if operation.answer_headers:
            answers[str(status)]["headers"] = _answer_headers(operation.answer_headers)
    return answers


_STATUS_WORDS = {
    200: "Done.",
    201: "Created.",
    202: "Asked for.",
    204: "Nothing more will come.",
    206: "The part that was asked for.",
    304: "Nothing has changed.",
    503: "Not ready.",
}


def _answer(
    status: int, kind: Any, schema_of: dict[Any, Any], typed_media: Sequence[str]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _STATUS_WORDS[status]}
    if isinstance(kind, str):
        answer["content"] = {media: {"schema": {"type": "string"}} for media in kind.split(", ")}
    elif isinstance(kind, EventStream):
        answer["content"] = {"text/event-stream": {"schema": _event(kind, schema_of)}}
    elif kind is not None:
        answer["content"] = {media: {"schema": schema_of[kind]} for media in typed_media}
    return answer


def _event(stream: EventStream, schema_of: dict[Any, Any]) -> dict[str, Any]:
    """One event; OpenAPI 3.1 has no word for a stream of them."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": schema_of[stream.data],
    }
    return {
        "description": "Each event of the stream.",
        "type": "object",
        "required": ["id", "event", "data"],
        "properties": {
            "id": {"type": "string"},
            "event": {"enum": [name.value for name in stream.names]},
            "data": data,
        },
    }


def _answer_headers(told: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {"description": words, "schema": {"type": "string"}} for name, words in told.items()
    }


_ANYWHERE = (
    InvalidRequestError,
    InvalidFieldError,
    ForeignOriginError,
    TooLargeError,
    InternalServerError,
    UnavailableError,
    StorageUnavailableError,
)
_AGAIN = {"Retry-After": "Seconds after which to try again."}
_TOLD = {401: {"WWW-Authenticate": "How to say who you are."}, 503: _AGAIN, 507: _AGAIN}


def _errors(operation: Operation) -> dict[str, Any]:
    raised: list[type[HopliteError]] = [*operation.raises, *_ANYWHERE]
    if operation.body is not None:
        raised.append(InvalidJsonError)
    if not operation.public:
        raised.append(NotAuthenticatedError)
    by_status: dict[int, list[type[HopliteError]]] = {}
    for kind in raised:
        if kind not in by_status.setdefault(kind.http_status, []):
            by_status[kind.http_status].append(kind)
    return {
        str(status): {
            "description": " ".join(f"`{kind.code}`: {_first_line(kind)}" for kind in kinds),
            "content": {
                media: {"schema": _error_schema(operation)} for media in operation.answer_media
            },
            **({"headers": _answer_headers(_TOLD[status])} if status in _TOLD else {}),
        }
        for status, kinds in sorted(by_status.items())
        if status not in operation.answers
    }


def _error_schema(operation: Operation) -> dict[str, str]:
    return {"$ref": _REF.format(name=operation.error_type.__name__)}


def _first_line(kind: type[HopliteError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]

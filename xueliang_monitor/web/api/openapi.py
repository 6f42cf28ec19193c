"""The OpenAPI 3.1 document of the API, made from the declarations of its addresses."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter

from xueliang_monitor import __version__
from xueliang_monitor.web.answers import Problem
from xueliang_monitor.web.api.endpoint import Endpoint, Query
from xueliang_monitor.web.problem_documents import CONTENT_TYPE
from xueliang_monitor.web.responses import compressed

Schema = dict[str, Any]
DESCRIPTION = (
    "What the monitor knows of its cameras. The API only reads. Moments are ISO 8601 in UTC, durations are seconds."
    " Version 1 may gain keys; existing keys keep their names and types."
)
_REFERENCE = "#/components/schemas/{model}"
_VARIABLE = re.compile(r"\{(\w+)\}")


def document(endpoints: Iterable[Endpoint]) -> Schema:
    """Return the document that describes these addresses."""
    endpoints = tuple(endpoints)
    answers = {endpoint.path: TypeAdapter[Any](endpoint.answer) for endpoint in endpoints}
    queries = {endpoint.path: TypeAdapter[Any](endpoint.query) for endpoint in endpoints}
    found, shared = TypeAdapter.json_schemas(
        [
            *((path, "serialization", adapter) for path, adapter in answers.items()),
            *((path, "validation", adapter) for path, adapter in queries.items()),
            ("problem", "serialization", TypeAdapter(Problem)),
        ],
        ref_template=_REFERENCE,
    )
    schemas: Schema = shared.get("$defs", {})
    paths = {}
    for endpoint in endpoints:
        query = _resolved(found[endpoint.path, "validation"], schemas)
        answer = found[endpoint.path, "serialization"]
        paths[endpoint.path] = {"get": _operation(endpoint, query, answer, found["problem", "serialization"])}
    for name in {endpoint.query.__name__ for endpoint in endpoints}:
        schemas.pop(name, None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "xueliang_monitor", "version": __version__, "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
        "security": [{}, {"basic": []}],
    }


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Schema = schemas[name] if name else schema
    return found


def _operation(endpoint: Endpoint, query: Schema, answer: Schema, problem: Schema) -> Schema:
    refused = {"content": {CONTENT_TYPE: {"schema": problem}}}
    return {
        "operationId": _operation_id(endpoint.path),
        "summary": endpoint.summary,
        "parameters": [*_in_path(endpoint.path), *_in_query(query)],
        "responses": {
            "200": {"description": endpoint.summary, "content": {endpoint.media_type: {"schema": answer}}},
            "400": {"description": "A parameter is unknown, invalid, or given twice.", **refused},
            **{str(code): {"description": text, **refused} for code, text in endpoint.codes},
            "default": {"description": "The request was not answered.", **refused},
        },
    }


def _operation_id(path: str) -> str:
    words = re.findall(r"\w+", path.removeprefix("/api/v1/"))
    return "_".join(("get", *words))


def _in_path(path: str) -> list[Schema]:
    names = _VARIABLE.findall(path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(query: Schema) -> list[Schema]:
    """Return the parameters of a query; null, which an address cannot say, is left out of their types."""
    required = query.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": schema.get("description", ""),
            "schema": _without_null(schema),
        }
        for name, schema in query.get("properties", {}).items()
    ]


def _without_null(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key not in {"title", "description", "anyOf", "default"}}
    if schema.get("default") not in (None, ""):
        kept["default"] = schema["default"]
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        return {**choices[0], **kept}
    return {**kept, "anyOf": choices} if choices else kept


@functools.cache
def _written(endpoints: tuple[Endpoint, ...]) -> bytes:
    return json.dumps(document(endpoints), ensure_ascii=False).encode()


def endpoint_of(endpoints: tuple[Endpoint, ...]) -> Endpoint:
    """Return the address at which the document that describes these addresses, and itself, is."""
    every: list[Endpoint] = [*endpoints]

    async def described(_request: web.Request, _query: Query) -> web.Response:
        return compressed(_written(tuple(every)), "application/json")

    itself = Endpoint("/api/v1/openapi.json", "This API as an OpenAPI 3.1 document.", dict[str, Any], described)
    every.append(itself)
    return itself

"""The description of the API, OpenAPI 3.1, out of the same table that is served: it cannot say something else. Pure.

`routes.about` serves it, `page` draws it, scripts/generate_openapi.py writes it down. Request bodies come from the
models that read them, answers from `openapi_answers`, examples from `openapi_examples`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from evallab.server.openapi_answers import ANSWERS, REFUSALS
from evallab.server.openapi_examples import EXAMPLES, PATCH
from evallab.server.openapi_shapes import SHAPES
from evallab.server.operations import Operation, Parameter

Json = dict[str, Any]
REF = "#/components/schemas/"
COMPATIBLE = "eval-hub 1.0.2"
_ABOUT = f"""\
Runs evaluations of language models and keeps every result: EvalHub's API (compatible with {COMPATIBLE}) and what it
lacks. Clients of EvalHub (its SDK, its command, its dashboards) work unchanged; what is evallab's own is marked
`x-evallab: true` and lives in paths, fields and parameters of its own.

Errors have one shape, `Error`. Lists come in pages, newest first.
"""
GROUPS: Mapping[str, str] = {
    "Jobs": "Start evaluations, follow them, stop them, read their logs.",
    "Results": "What a finished job found: scores with intervals, every question, files, comparisons, provenance.",
    "Collections": "Named, weighted lists of benchmarks.",
    "Providers": "Families of benchmarks and how to run them.",
    "Server": "How the server is, and what it is.",
}
_RESULTS = frozenset(
    {"scores", "samples", "artifacts", "comparisons", "provenance", "reproductions", "regressions", "history"}
)
_HEADERS: Mapping[str, str] = {
    "X-Tenant": "Whose resources are meant. Optional on one's own machine; honoured when it is sent.",
    "X-User": "Who asks; becomes the owner of what is made.",
    "X-Global-Transaction-Id": "Comes back with the answer, and as `trace` in errors; made up when it is not sent.",
}
_PATH_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def document(operations: Iterable[Operation], version: str) -> Json:
    """Return the description of these operations."""
    table = sorted(operations, key=_place)
    names, bodies = _bodies([each.request for each in table if each.request is not None])
    paths: dict[str, Json] = {}
    for each in table:
        paths.setdefault(_template(each.path), {})[each.method.lower()] = _operation(each, names)
    used = {group_of(each.path) for each in table}
    return {
        "openapi": "3.1.1",
        "info": {"title": "evallab", "version": version, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/", "description": "The server that serves this description."}],
        "tags": [{"name": name, "description": text} for name, text in GROUPS.items() if name in used],
        "paths": paths,
        "components": _components(bodies),
    }


def group_of(path: str) -> str:
    """Return the group that a path belongs to."""
    parts = path.removeprefix("/api/v1/").split("/")
    if parts[0] != "evaluations":
        return "Server"
    if _RESULTS & set(parts):
        return "Results"
    return parts[1].capitalize()


def _place(operation: Operation) -> tuple[int, str, int]:
    return list(GROUPS).index(group_of(operation.path)), operation.path, _METHODS.index(operation.method)


def _template(path: str) -> str:
    """Return a path without the kinds of its parameters, which OpenAPI has elsewhere."""
    return _PATH_PARAMETER.sub(r"{\1}", path)


def _operation(operation: Operation, names: Mapping[type[BaseModel], str]) -> Json:
    found: Json = {"tags": [group_of(operation.path)], "summary": operation.summary, "operationId": _id(operation)}
    if operation.ours:
        found["x-evallab"] = True
    found["parameters"] = [*_in_path(operation.path), *map(_parameter, operation.query), *_headers(operation.path)]
    content = _content(operation, names)
    if content is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": content}}
    found["responses"] = _responses(operation)
    return found


def _content(operation: Operation, names: Mapping[type[BaseModel], str]) -> Json | None:
    if operation.method == "PATCH":
        return {"schema": {"$ref": f"{REF}Patch"}, "example": list(PATCH)}
    if operation.request is None:
        return None
    example = EXAMPLES.get(operation.request.__name__)
    return {"schema": {"$ref": REF + names[operation.request]}} | ({"example": example} if example else {})


def _id(operation: Operation) -> str:
    words = re.sub(r"\W+", "_", _template(operation.path).removeprefix("/api/v1/").removeprefix("evaluations/"))
    return f"{operation.method.lower()}_{words.strip('_')}"


def _in_path(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _kind_of(name)}
        for name in _PATH_PARAMETER.findall(path)
    ]


def _kind_of(name: str) -> Json:
    return {"type": "integer", "minimum": 0} if name.endswith("index") else {"type": "string"}


def _parameter(parameter: Parameter) -> Json:
    found: Json = {"name": parameter.name, "in": parameter.where, "schema": {"type": parameter.kind}}
    return found | ({"description": parameter.text} if parameter.text else {})


def _headers(path: str) -> list[Json]:
    if group_of(path) == "Server":
        return []
    return [{"$ref": f"#/components/parameters/{name}"} for name in _HEADERS]


def _responses(operation: Operation) -> Json:
    told = {**operation.responses}
    if not any(status < 400 for status in told):
        told[200] = "Done."
    found = {str(status): _response(operation, status, text) for status, text in sorted(told.items())}
    return found | {"default": {"$ref": "#/components/responses/Error"}}


def _response(operation: Operation, status: int, text: str) -> Json:
    found: Json = {"description": text or HTTPStatus(status).phrase}
    if status >= 400:
        refusal = REFUSALS.get((operation.path, status), "Error")
        return found | {"content": {"application/json": {"schema": {"$ref": REF + refusal}}}}
    if status in {204, 304}:
        return found
    shape = ANSWERS.get((operation.method, _template(operation.path)))
    schema: Json = {"$ref": REF + shape} if shape else {"type": "object"}
    if operation.media != "application/json":
        schema = {"type": "string"}
    return found | {"content": {operation.media: {"schema": schema}}}


def _components(bodies: Mapping[str, Json]) -> Json:
    headers = {
        name: {"name": name, "in": "header", "schema": {"type": "string"}, "description": text}
        for name, text in _HEADERS.items()
    }
    content = {"application/json": {"schema": {"$ref": f"{REF}Error"}}}
    error = {"description": "The request was refused, or could not be served.", "content": content}
    return {
        "schemas": dict(sorted({**SHAPES, **bodies}.items())),
        "parameters": headers,
        "responses": {"Error": error},
    }


def _bodies(models: Sequence[type[BaseModel]]) -> tuple[dict[type[BaseModel], str], dict[str, Json]]:
    """Return the name of each model's schema, and all schemas by name."""
    unique = list(dict.fromkeys(models))
    if not unique:
        return {}, {}
    refs, found = models_json_schema([(model, "validation") for model in unique], ref_template="{model}")
    given = found.get("$defs", {})
    names = {name: _name(name, taken=given) for name in given}
    schemas = {names[name]: _renamed(schema, names) for name, schema in given.items()}
    return {model: names[refs[model, "validation"]["$ref"]] for model in unique}, schemas


def _name(name: str, *, taken: Mapping[str, Any]) -> str:
    """Return a short name: of models of one name, which come with their whole module, the last part of it is kept."""
    *modules, last = name.split("__")
    short = "".join(part.capitalize() for part in modules[-1].split("_")) + last if modules else last
    return f"{short}Request" if short in SHAPES or (modules and short in taken) else short


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """Return a schema whose references lead to the components."""
    if isinstance(schema, list):
        return [_renamed(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: REF + names[value] if key == "$ref" else _renamed(value, names)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }

"""The description of the API says what the table of operations says, validly, with names that do not clash."""

from typing import Any

import pytest
from pydantic import BaseModel, create_model
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from starlette.requests import Request
from starlette.responses import Response

from evallab.server.house import House
from evallab.server.openapi import document, group_of
from evallab.server.operations import Method, Operation, Parameter


async def handler(_: Request, __: House) -> Response:
    return Response()


class Part(BaseModel):
    """A part."""

    count: int = 1


class Whole(BaseModel):
    """A whole."""

    name: str
    part: Part | None = None


def operation(method: Method = "GET", path: str = "/api/v1/evaluations/jobs", **changes: Any) -> Operation:
    return Operation(**{"method": method, "path": path, "handler": handler, "summary": "Do it", **changes})


def test_an_operation_is_described_whole() -> None:
    limit = Parameter(name="limit", kind="integer", text="How many.")
    path = "/api/v1/evaluations/jobs/{job_id}/benchmarks/{benchmark_index}/logs"
    described = document([operation(path=path, query=(limit,), media="text/plain", ours=True)], "1.2.3")
    assert described["info"]["version"] == "1.2.3"
    assert described["tags"] == [
        {"name": "Jobs", "description": "Start evaluations, follow them, stop them, read their logs."}
    ]
    assert described["paths"] == {
        path: {
            "get": {
                "tags": ["Jobs"],
                "summary": "Do it",
                "operationId": "get_jobs_job_id_benchmarks_benchmark_index_logs",
                "x-evallab": True,
                "parameters": [
                    {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {
                        "name": "benchmark_index",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "integer", "minimum": 0},
                    },
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}, "description": "How many."},
                    {"$ref": "#/components/parameters/X-Tenant"},
                    {"$ref": "#/components/parameters/X-User"},
                    {"$ref": "#/components/parameters/X-Global-Transaction-Id"},
                ],
                "responses": {
                    "200": {"description": "Done.", "content": {"text/plain": {"schema": {"type": "string"}}}},
                    "default": {"$ref": "#/components/responses/Error"},
                },
            }
        }
    }


def test_a_body_is_described_by_the_model_that_reads_it_and_its_parts_by_name() -> None:
    described = document([operation("POST", request=Whole, responses={202: "Taken"})], "1")
    body = described["paths"]["/api/v1/evaluations/jobs"]["post"]["requestBody"]
    schemas = described["components"]["schemas"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Whole"}
    assert schemas["Whole"]["properties"]["part"]["anyOf"][0] == {"$ref": "#/components/schemas/Part"}
    assert schemas["Part"] == {
        "description": "A part.",
        "type": "object",
        "properties": {"count": {"type": "integer", "default": 1}},
    }


def test_models_of_one_name_stay_apart() -> None:
    one = create_model("Thing", __module__="here.first", a=(int, ...))
    two = create_model("Thing", __module__="here.second", b=(int, ...))
    table = [operation("POST", "/api/v1/one", request=one), operation("POST", "/api/v1/two", request=two)]
    described = document(table, "1")
    refs = [
        described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for path in ("/api/v1/one", "/api/v1/two")
    ]
    assert refs == ["#/components/schemas/FirstThing", "#/components/schemas/SecondThing"]
    assert {"a"} == set(described["components"]["schemas"]["FirstThing"]["properties"])


def test_a_model_named_like_an_answer_does_not_replace_it() -> None:
    model = create_model("Job", __module__="here.first", a=(int, ...))
    described = document([operation("POST", request=model)], "1")
    assert {"Job", "JobRequest"} <= set(described["components"]["schemas"])
    assert "resource" in described["components"]["schemas"]["Job"]["properties"]


@pytest.mark.parametrize("status", [200, 201, 204, 304, 404, 503])
def test_what_is_described_is_valid(status: int) -> None:
    table = [
        operation("POST", request=Whole, responses={status: "Said"}),
        operation("PATCH", "/api/v1/evaluations/providers/{provider_id}"),
        operation("GET", "/readyz", responses={503: "Not yet"}),
    ]
    assert [str(each) for each in OPENAPI_31_VALIDATOR.iter_errors(document(table, "1"))] == []


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/api/v1/evaluations/jobs", "Jobs"),
        ("/api/v1/evaluations/jobs/{job_id}/benchmarks/{benchmark_index}/samples", "Results"),
        ("/api/v1/evaluations/collections/{collection_id}/clones", "Collections"),
        ("/api/v1/evaluations/providers", "Providers"),
        ("/api/v1/health", "Server"),
        ("/metrics", "Server"),
    ],
)
def test_a_path_belongs_to_a_group(path: str, group: str) -> None:
    assert group_of(path) == group

"""Answers are what the description of the API says they are, and hold nothing that it does not name."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from tests.integration.cli import seeding
from tests.integration.cli.seeding import CANDIDATE
from tests.integration.server.about_house import house, serving

from evallab.server.openapi_answers import ANSWERS
from evallab.server.routes import about, jobs, results
from evallab.server.routes.about import described
from evallab.store.postgres import PostgresStore

OPERATIONS = (*about.OPERATIONS, *jobs.OPERATIONS, *results.OPERATIONS)
PATHS = sorted({each.path for each in OPERATIONS if each.method == "GET" and ("GET", each.path) in ANSWERS})


@pytest.mark.parametrize("path", PATHS)
async def test_an_answer_has_its_shape(store: PostgresStore, tmp_path: Path, path: str) -> None:
    await seeding.seed(store, tmp_path)
    address = path.format(job_id=CANDIDATE, benchmark_index=0)
    async with serving(house(store, tmp_path), OPERATIONS) as url, httpx.AsyncClient() as http:
        answer = await http.get(url + address)
    document, shape = described(), ANSWERS["GET", path]
    schema = {"$ref": f"#/components/schemas/{shape}", "components": document["components"]}
    assert answer.status_code == 200
    assert [str(each) for each in Draft202012Validator(schema).iter_errors(answer.json())] == []
    assert unnamed(answer.json(), schema["$ref"], document) == set()


def unnamed(value: Any, reference: str, document: Any) -> set[str]:
    """Return the fields that a shape does not name, here and in what it refers to."""
    name = reference.rpartition("/")[2]
    schema = document["components"]["schemas"][name]
    fields = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        inner = document["components"]["schemas"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        fields |= inner["properties"]
    if not fields:
        return set()
    found = {f"{name}.{key}" for key in value if key not in fields}
    for key in value.keys() & fields.keys():
        of_items = fields[key].get("items", {}).get("$ref")
        for each, where in [(value[key], fields[key].get("$ref"))] + [(item, of_items) for item in _items(value[key])]:
            found |= unnamed(each, where, document) if where else set()
    return found


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

"""docs/reference/openapi.yaml is what a server answers, describes all that is served, and its examples are taken."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from evallab.server.openapi_answers import ANSWERS
from evallab.server.openapi_examples import EXAMPLES
from evallab.server.openapi_shapes import SHAPES
from evallab.server.routing import EVERY

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "generate_openapi.py"
FILE = ROOT / "docs" / "reference" / "openapi.yaml"
MODELS: dict[str, type[BaseModel]] = {each.request.__name__: each.request for each in EVERY if each.request is not None}


@pytest.fixture(scope="module")
def described() -> Any:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_the_file_is_up_to_date() -> None:
    checked = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_description_is_valid(described: Any) -> None:
    assert [str(each) for each in OPENAPI_31_VALIDATOR.iter_errors(described)] == []


def test_everything_that_is_served_is_described(described: Any) -> None:
    told = {(method.upper(), path) for path, place in described["paths"].items() for method in place}
    assert told == {(each.method, each.path) for each in EVERY}


def test_operations_have_names_of_their_own(described: Any) -> None:
    names = [each["operationId"] for place in described["paths"].values() for each in place.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere(described: Any) -> None:
    missing = [each for each in references(described) if not leads(described, each)]
    assert missing == []


def test_every_answer_that_has_a_shape_is_served() -> None:
    assert set(ANSWERS) - {(each.method, each.path) for each in EVERY} == set()
    assert set(ANSWERS.values()) <= set(SHAPES)


def test_every_body_has_an_example_and_its_model_reads_it() -> None:
    assert set(MODELS) == set(EXAMPLES)
    for name, model in MODELS.items():
        model.model_validate(EXAMPLES[name])


def references(value: Any) -> list[str]:
    """Return every $ref in a document."""
    if isinstance(value, list):
        return [found for each in value for found in references(each)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for each in value.values() for found in references(each)]


def leads(document: Any, reference: str) -> bool:
    """Say whether a reference leads to something in the document."""
    place = document
    for part in reference.removeprefix("#/").split("/"):
        if part not in place:
            return False
        place = place[part]
    return True

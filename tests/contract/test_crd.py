"""crds/ and the chart's templates say what the models say, in the form that the API server takes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, Field

from evallab.api.v1alpha1.crd import crd
from evallab.api.v1alpha1.manifest import EvalJobSpec
from evallab.api.v1alpha1.schema import UnboundedSchema, structural, with_rules
from evallab.api.v1alpha1.status import EvalJobStatus
from evallab.cli.crd import crd as command

ROOT = Path(__file__).parents[2]
FILE = ROOT / "crds" / "evallab.dev_evaljobs.yaml"
TEMPLATES = ROOT / "charts" / "evallab" / "templates"


def test_the_files_are_up_to_date() -> None:
    script = ROOT / "scripts" / "generate_crd.py"
    checked = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_command_prints_the_file() -> None:
    assert CliRunner().invoke(command).stdout == FILE.read_text(encoding="utf-8")


def test_file_template_and_models_say_the_same() -> None:
    assert yaml.safe_load(FILE.read_text(encoding="utf-8")) == crd()
    template = (TEMPLATES / "crds" / "evaljobs.yaml").read_text(encoding="utf-8")
    kept = [line for line in template.splitlines() if "{{" not in line]
    annotated = {"name": "evaljobs.evallab.dev", "annotations": {"helm.sh/resource-policy": "keep"}}
    assert yaml.safe_load("\n".join(kept)) == crd() | {"metadata": annotated}
    assert [line.strip() for line in template.splitlines() if "{{" in line] == [
        "{{- if .Values.crds.enabled }}",
        "{{- if .Values.crds.keep }}",
        "{{- end }}",
        "{{- end }}",
    ]


def test_the_schema_has_every_field_of_the_models_and_no_other() -> None:
    schema = schema_of_the_object()["properties"]
    assert set(schema["spec"]["properties"]) == names(EvalJobSpec)
    assert set(schema["status"]["properties"]) == names(EvalJobStatus)


def test_everything_is_typed_and_bounded() -> None:
    found = dict(nodes(schema_of_the_object(), ""))
    assert [path for path, node in found.items() if not bounded(path, node)] == []
    assert {key for node in found.values() for key in node} & {"$ref", "title", "nullable", "oneOf", "not"} == set()


def test_free_form_is_only_what_must_be() -> None:
    free = {
        path for path, node in nodes(schema_of_the_object(), "") if node.get("x-kubernetes-preserve-unknown-fields")
    }
    assert free == {
        ".spec.benchmarks[].parameters",
        ".spec.collection.benchmarks[].parameters",
        ".spec.determinism.canary",  # an enum of texts and false, which is what YAML makes of a bare Off
        ".spec.model.inProcess.parameters",
        ".spec.podTemplate",
    }


def test_every_field_is_described_and_every_rule_has_a_sentence() -> None:
    found = dict(nodes(schema_of_the_object(), ""))
    silent = [path for path, node in found.items() if path and not path.endswith("]") and not node.get("description")]
    assert silent == [".metadata"]
    rules = [rule for node in found.values() for rule in node.get("x-kubernetes-validations", [])]
    assert [rule for rule in rules if not rule.get("message")] == []


def test_what_lists_of_objects_are_keyed_by() -> None:
    status = schema_of_the_object()["properties"]["status"]["properties"]
    lists = {name: each for name, each in status.items() if "items" in each}
    keyed = {name: (each["maxItems"], each["x-kubernetes-list-map-keys"]) for name, each in lists.items()}
    assert keyed == {"conditions": (16, ["type"]), "benchmarks": (64, ["index"])}


def test_only_what_may_change_has_no_rule_against_changes() -> None:
    spec = schema_of_the_object()["properties"]["spec"]
    kept = {each["fieldPath"] for each in spec["x-kubernetes-validations"] if "cannot be changed" in each["message"]}
    changeable = names(EvalJobSpec) - {path.removeprefix(".") for path in kept}
    assert changeable == {"suspend", "cancelled", "priority", "ttlSecondsAfterFinished"}


def test_what_kubectl_shows() -> None:
    version = crd()["spec"]["versions"][0]
    shown = [(each["name"], each.get("priority", 0)) for each in version["additionalPrinterColumns"]]
    narrow = ("Model", "Phase", "Score", "Progress", "Age")
    assert shown == [*((name, 0) for name in narrow), ("Reason", 1), ("Job id", 1)]
    assert version["selectableFields"] == [{"jsonPath": ".spec.model.name"}, {"jsonPath": ".status.phase"}]
    assert (crd()["spec"]["names"]["shortNames"], crd()["spec"]["names"]["categories"]) == (["ej"], ["all", "evals"])


class Open(BaseModel):
    text: str


class Torn(BaseModel):
    value: int | str = Field()


class Stepped(BaseModel):
    number: int = Field(multiple_of=3)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (Open, "Open.text: a structural schema needs a type and a bound here"),
        (Torn, "A structural schema has no choice of types"),
        (Stepped, "Stepped.number: a structural schema would lose multipleOf"),
    ],
)
def test_what_the_api_server_would_not_take_is_an_error_here(model: type[BaseModel], problem: str) -> None:
    with pytest.raises(UnboundedSchema, match=problem):
        structural(model)


def test_rules_are_placed_without_touching_the_given_schema() -> None:
    leaf = {"type": "object", "properties": {}}
    schema = {"type": "object", "properties": {"list": {"type": "array", "items": leaf}}}
    ruled = with_rules(with_rules(schema, "list[]", [{"rule": "a"}]), "list[]", [{"rule": "b"}])
    placed = leaf | {"x-kubernetes-validations": [{"rule": "a"}, {"rule": "b"}]}
    assert ruled == {"type": "object", "properties": {"list": {"type": "array", "items": placed}}}
    assert "x-kubernetes-validations" not in leaf


def schema_of_the_object() -> Any:
    return crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def names(model: type[BaseModel]) -> set[str]:
    """Return the names of a model's fields as they are written."""
    return {info.alias or name for name, info in model.model_fields.items()}


def nodes(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every schema in a schema, with its place."""
    yield path, node
    for name, each in node.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for key, brackets in (("items", "[]"), ("additionalProperties", "[*]")):
        if key in node:
            yield from nodes(node[key], path + brackets)


def bounded(path: str, node: Any) -> bool:
    """Say whether a schema is bounded; the object's own metadata is the API server's."""
    if path in {".apiVersion", ".kind", ".metadata"} or "enum" in node:
        return True
    if node.get("x-kubernetes-int-or-string"):
        return {"maxLength", "pattern"} <= set(node)
    needed = {"string": "maxLength", "array": "maxItems"}
    if node["type"] == "object":
        return "properties" in node or "maxProperties" in node
    return node["type"] not in needed or needed[node["type"]] in node

"""Every field of EvalHub's files reaches the REST answer."""

from pathlib import Path
from typing import Any

import yaml

from evallab.api.evalhub import collection as collections
from evallab.api.evalhub import provider as providers
from evallab.catalog import Entry, configured, references

TIME = "2026-01-01T00:00:00Z"
AGENT = {
    "evaluates": ["maths"],
    "recommended_when": ["there is time"],
    "target_type": "model",
    "summary": "short",
    "complements": ["other"],
    "hints": ["patience"],
    "result_interpretation": ["more is better"],
}
LABELS = {"domains": ["law"], "tasks": ["qa"], "modalities": ["text"], "evaluation_targets": ["model"]}
PROVIDER: dict[str, Any] = {
    "name": "P",
    "description": "d",
    "title": "T",
    "tags": ["x"],
    "benchmarks": [
        {
            "id": "b",
            "url": "https://example.com/b",
            "name": "B",
            "description": "about b",
            "category": "maths",
            "metrics": ["acc"],
            "num_few_shot": 5,
            "dataset_size": 10,
            "tags": ["t"],
            "primary_score": {"metric": "acc", "lower_is_better": True},
            "pass_criteria": {"threshold": 1},
            "agent": {"result_interpretation": "r", "score_ranges": [{"range": "0-1", "meaning": "low"}]},
            **LABELS,
        }
    ],
    "agent": AGENT,
    "custom": {"k": None, "n": 2},
}
RUNTIME = {
    "local": {"command": "true", "env": [{"name": "A", "value": "B"}]},
    "k8s": {
        "image": "i",
        "image_pull_policy": "Always",
        "entrypoint": ["python"],
        "cpu_request": 1,
        "memory_request": "1Gi",
        "cpu_limit": "2",
        "memory_limit": "2Gi",
        "gpu": {"resource": "nvidia.com/gpu", "count": 1, "node_selector": {"k": "v"}},
        "env": [{"name": "A", "value": "B"}],
    },
}
BOTH = [{"Name": "A", "Value": "B", "name": "A", "value": "B"}]
COLLECTION: dict[str, Any] = {
    "curation_order": 3,
    "name": "C",
    "description": "d",
    "category": "maths",
    "tags": ["x"],
    "custom": {"k": 1},
    "pass_criteria": {"threshold": 0},
    "benchmarks": [
        {
            "id": "b",
            "provider_id": "p",
            "weight": 2,
            "primary_score": {"metric": "acc"},
            "pass_criteria": {"threshold": 0.5},
            "parameters": {"limit": None, "x": 0.9},
            "test_data_ref": {"hf": {"repo_id": "r/x", "revision": "main"}},
            "hardware_config": {"gpu": {"count": 1}},
        }
    ],
    "agent": AGENT,
    **LABELS,
    "industries": ["banks"],
}


def written(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    (tmp_path / kind).mkdir()
    (tmp_path / kind / "x.yaml").write_text(yaml.safe_dump(fields, sort_keys=False))


def test_a_provider_file(tmp_path: Path) -> None:
    written(tmp_path, "providers", {"id": "p", **PROVIDER, "runtime": RUNTIME, "unknown": 1})
    identity = providers.Identity(id="p", created_at=TIME, updated_at=TIME, owner="system")
    answer = providers.resource(configured(tmp_path).provider("p"), identity)
    assert answer == {
        "resource": {"id": "p", "created_at": TIME, "updated_at": TIME, "owner": "system"},
        **PROVIDER,
        "runtime": {
            "k8s": {
                "Image": "i",
                "Entrypoint": ["python"],
                "CPURequest": "1",
                "MemoryRequest": "1Gi",
                "CPULimit": "2",
                "MemoryLimit": "2Gi",
                "gpu": {"resource": "nvidia.com/gpu", "count": 1, "node_selector": {"k": "v"}},
                "Env": BOTH,
                "image_pull_policy": "always",
                "image": "i",
                "entrypoint": ["python"],
                "cpu_request": "1",
                "memory_request": "1Gi",
                "cpu_limit": "2",
                "memory_limit": "2Gi",
                "env": BOTH,
            },
            "local": {"command": "true", "env": BOTH},
        },
    }
    assert list(answer) == [
        "resource", "name", "description", "title", "tags", "benchmarks", "runtime", "agent", "custom"
    ]  # fmt: skip


def test_a_collection_file(tmp_path: Path) -> None:
    written(tmp_path, "collections", {"id": "c", **COLLECTION, "unknown": 1})
    identity = providers.Identity(id="c", created_at=TIME, updated_at=TIME, owner="system")
    catalog = configured(tmp_path)
    known = references(catalog.collection("c"), catalog)
    answer = collections.resource(catalog.collection("c"), identity, urls=known.urls, problems=known.problems)
    assert answer == {
        "resource": {"id": "c", "created_at": TIME, "updated_at": TIME, "owner": "system"},
        **COLLECTION,
        "problems": ['benchmarks[0]: there is no provider "p"'],
    }


def test_the_url_of_an_entry_is_the_providers(tmp_path: Path) -> None:
    written(tmp_path, "providers", {"id": "p", **PROVIDER})
    more = [{"id": "zz", "provider_id": "p"}, {"id": "zz", "provider_id": "p", "parameters": {"include_path": "/x"}}]
    written(tmp_path, "collections", {"id": "c", **COLLECTION, "benchmarks": [*COLLECTION["benchmarks"], *more]})
    catalog = configured(tmp_path)
    known = references(catalog.collection("c"), catalog)
    assert known.urls == {("p", "b"): "https://example.com/b"}
    assert known.problems == ('benchmarks[1]: the provider "p" has no benchmark "zz"',)


def test_an_entry_knows_what_it_describes(tmp_path: Path) -> None:
    written(tmp_path, "providers", {"id": "p", **PROVIDER})
    provider = configured(tmp_path).provider("p")
    assert Entry(provider).described == {"b": provider.benchmarks[0]}

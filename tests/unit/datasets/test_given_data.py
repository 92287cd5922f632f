"""How a task of the harness reads a snapshot."""

from typing import Any

import pytest

from evallab.api.contract import TestDataSpec
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.given_data import from_snapshot

OWN = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": "/tasks/data/x.jsonl"}}, "test_split": "test"}
STOCK = {"dataset_path": "openai/gsm8k", "dataset_name": "main", "test_split": "test"}


def given(*files: str) -> TestDataSpec:
    return TestDataSpec(path="/snap", files=files)


@pytest.mark.parametrize(
    ("config", "files", "expected"),
    [
        (STOCK, ("README.md", "main/test.parquet"), {"dataset_path": "/snap", "dataset_kwargs": {}}),
        (
            {**STOCK, "dataset_kwargs": {"revision": "main", "trust_remote_code": True}},
            ("main/test.parquet",),
            {"dataset_path": "/snap", "dataset_kwargs": {"trust_remote_code": True}},
        ),
        (OWN, ("x.jsonl",), {"dataset_kwargs": {"data_files": {"test": "/snap/x.jsonl"}}}),
        (
            OWN,
            ("other.csv",),
            {
                "dataset_path": "csv",
                "dataset_name": None,
                "dataset_kwargs": {"data_files": {"test": ["/snap/other.csv"]}},
            },
        ),
        (
            STOCK,
            ("dev.jsonl", "test.jsonl"),
            {
                "dataset_path": "json",
                "dataset_name": None,
                "dataset_kwargs": {"data_files": {"validation": ["/snap/dev.jsonl"], "test": ["/snap/test.jsonl"]}},
            },
        ),
        (
            {**STOCK, "test_split": None, "validation_split": "validation"},
            ("q.parquet",),
            {
                "dataset_path": "parquet",
                "dataset_name": None,
                "dataset_kwargs": {"data_files": {"validation": ["/snap/q.parquet"]}},
            },
        ),
    ],
)
def test_a_task_is_pointed_to_the_snapshot(
    config: dict[str, Any], files: tuple[str, ...], expected: dict[str, Any]
) -> None:
    assert from_snapshot(config, given(*files)) == expected


@pytest.mark.parametrize("files", [("a.jsonl", "b.jsonl"), ("test.jsonl", "train.csv")])
def test_files_that_say_nothing_are_refused(files: tuple[str, ...]) -> None:
    with pytest.raises(AdapterFailed):
        from_snapshot(STOCK, given(*files))

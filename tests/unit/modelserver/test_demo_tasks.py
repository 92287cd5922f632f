"""The demo tasks: the generator wrote the questions, the card shows what was measured, the metrics fail closed."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
TASKS = REPOSITORY / "adapters" / "evallab_adapters" / "demo_tasks"
TINYMODEL = REPOSITORY / "tinymodel"


@pytest.fixture(scope="module")
def metrics() -> ModuleType:
    """Load the file as the harness does: by its path."""
    spec = importlib.util.spec_from_file_location("demo_metrics", TASKS / "demo_metrics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TASKS / "data" / f"{kind}.jsonl").read_text().splitlines()]


def test_the_questions_are_what_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(TINYMODEL / "tasks.py"), str(tmp_path)], check=True, capture_output=True)
    shipped = {file.name: file.read_text() for file in (TASKS / "data").iterdir()}
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == shipped


def test_every_task_names_its_data_beside_itself() -> None:
    class Loader(yaml.SafeLoader):
        """Reads `!function` as the text after it."""

    Loader.add_constructor("!function", lambda _, node: str(node.value))
    for name in ("arith", "facts", "complete", "instruct", "code"):
        task = yaml.load((TASKS / f"demo_{name}.yaml").read_text(), Loader)  # noqa: S506 - a SafeLoader
        assert task["task"] == f"demo_{name}"
        assert (TASKS / task["dataset_kwargs"]["data_files"]["test"]).is_file()


def test_the_card_shows_the_measured_scores() -> None:
    card = (TINYMODEL / "MODEL_CARD.md").read_text()
    scores = json.loads((TINYMODEL / "scores.json").read_text())
    for task, variants in scores.items():
        row = next(line for line in card.splitlines() if line.startswith(f"| `{task}` "))
        for variant, numbers in variants.items():
            assert f"{numbers['score']:.3f}".removeprefix("0") in row, (task, variant)
            if against := numbers.get("against_f16"):
                assert f": {against['lost']}/{against['gained']}, " in row, (task, variant)
        assert f"| {variants['demo-f16']['metric']} | {variants['demo-f16']['n']} |" in row


def test_right_code_passes(metrics: ModuleType) -> None:
    for kind in ("affine", "agg", "arith", "map", "str"):
        row = next(row for row in rows("code") if row["kind"] == kind)
        assert metrics.code_pass(row, [row["a"]]) == {"pass@1": 1.0}


def test_wrong_code_fails(metrics: ModuleType) -> None:
    row = rows("code")[0]
    assert metrics.code_pass(row, ["    return None\n"]) == {"pass@1": 0.0}


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "def f(x):\n    return x.__class__",
        "def f(x):\n    return __builtins__",
        "def f(x):\n    return f'{x}'",
        "def f(x):\n    return (lambda: x)()",
        "@f\ndef f(x):\n    return x",
        "def f(x):\n    return 9 ** 9 ** 9",
        "def f(x):\n    while x:\n        pass",
        "def f(x):\n    return 's'.format(x)",
        "def f(",
        "\0",
    ],
)
def test_anything_but_harmless_syntax_is_never_run(metrics: ModuleType, source: str) -> None:
    assert not metrics.harmless(source)
    assert not metrics.passes(source, [])


@pytest.mark.parametrize(
    "source", ["def f(x):\n    return open('x')", "def f(x):\n    return f(x)", "def f(x):\n    return 1 % 0"]
)
def test_code_that_breaks_fails(metrics: ModuleType, source: str) -> None:
    assert metrics.harmless(source)
    assert not metrics.passes(source, ["f(1) == 1"])


def test_exact(metrics: ModuleType) -> None:
    assert metrics.exact({"gold": "a, b"}, [" a, b \n"]) == {"exact_match": 1.0}
    assert metrics.exact({"gold": "a, b"}, ["a,b"]) == {"exact_match": 0.0}

"""`evallab samples`: filters, and the formats for other programs, on real data and many questions."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet  # type: ignore[import-untyped]
from tests.integration.cli import seeding
from tests.integration.cli.command import Command
from tests.integration.cli.seeding import CANDIDATE, NOON, Owner

from evallab.api.contract import Sample
from evallab.cli.selection import PAGE
from evallab.reporting.exports import COLUMNS
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import ArtifactRow, SampleRow
from evallab.store.postgres import PostgresStore

WHERE = ("demo-q3", "-b", "demo_arith")
MANY = 2 * PAGE + 77


def ids(evallab: Command, *options: str) -> list[int]:
    return [each["doc_id"] for each in evallab_json(evallab, *options)["samples"]]


def evallab_json(evallab: Command, *options: str) -> Any:
    return json.loads(evallab("samples", *WHERE, "--output", "json", *options).stdout)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--failed", "-n", "3"), [22, 23, 24]),
        (("--score-below", "1", "-n", "2"), [22, 23]),
        (("--score-below", "0"), []),
        (("--id", "3", "--id", "30.0"), [3, 30]),
        (("--id", "30", "--failed"), [30]),
        (("--id", "3", "--failed"), []),
        (("--grep", "THAT WAS EASY", "-n", "1"), [0]),
        (("--grep", "31 + 1 ="), [31]),
        (("--grep", "easy", "--failed"), []),
        (("--id", "3.1"), []),
    ],
)
def test_filters(evallab: Command, options: tuple[str, ...], expected: list[int]) -> None:
    assert ids(evallab, *options) == expected


def test_a_filter_of_texts_counts_all_that_match(evallab: Command) -> None:
    found = evallab_json(evallab, "--grep", "easy", "-n", "1")
    assert (found["matching"], len(found["samples"])) == (22, 1)


def test_what_is_no_question_is_refused(evallab: Command) -> None:
    done = evallab("samples", *WHERE, "--id", "third")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'third' is no number of a question, such as 12 or 12.1." in done.stderr


def test_json_lines_are_what_json_holds(evallab: Command) -> None:
    lines = evallab.said("samples", *WHERE, "--output", "jsonl").splitlines()
    whole = evallab_json(evallab, "-n", "40")["samples"]
    assert [json.loads(line) for line in lines] == whole


def test_csv(evallab: Command) -> None:
    text = evallab.said("samples", *WHERE, "--output", "csv", "--failed", "-n", "1")
    [row] = csv.DictReader(io.StringIO(text))
    assert json.loads(row.pop("scores")) == {"exact_match,strict-match": 0}
    assert [row] == [
        {
            "doc_id": "22",
            "repeat": "0",
            "score": "0.0",
            "prompt": "22 + 1 =",
            "target": "23",
            "response": "I think it is\x1b[31m 25.",
            "reasoning": "",
            "filtered": "{}",
            "error": "",
            "finish_reason": "stop",
            "prompt_tokens": "5",
            "completion_tokens": "7",
            "latency_ms": "41.5",
            "doc_hash": f"{22:064x}",
            "prompt_hash": f"{22:064x}",
            "response_hash": evallab_json(evallab, "--id", "22")["samples"][0]["response_hash"],
            "cluster": "",
        }
    ]


def test_parquet(evallab: Command, tmp_path: Path) -> None:
    file = tmp_path / "answers.parquet"
    done = evallab("samples", *WHERE, "--output", "parquet", "--to", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{file}: 40 questions\n")
    table = parquet.read_table(file)
    assert {name: str(table.schema.field(name).type) for name in table.column_names} == {
        name: {"float64": "double"}.get(kind, kind) for name, kind in COLUMNS.items()
    }
    rows = table.to_pylist()
    assert [row["doc_id"] for row in rows] == list(range(40))
    assert (rows[0]["prompt"], rows[0]["score"], rows[39]["score"]) == ("0 + 1 =", 1.0, 0.0)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--output", "parquet"), "Name it: --to samples.parquet"),
        (("--to", "x.json"), "--to goes with --output jsonl, csv or parquet."),
        (("--output", "csv", "--to", "/nowhere/x.csv"), "/nowhere/x.csv cannot be written: No such file or directory."),
    ],
)
def test_files_that_cannot_be(evallab: Command, options: tuple[str, ...], said: str) -> None:
    done = evallab("samples", *WHERE, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_pyarrow_parquet_is_refused_with_the_way_out(evallab: Command, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    target = tmp_path / "x.parquet"
    done = evallab("samples", *WHERE, "-o", "parquet", "--to", str(target), PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "Install the package pyarrow, or use --output jsonl." in done.stderr
    assert not target.exists()


async def test_many_questions_are_written_page_by_page(
    evallab: Command, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than two pages, with a lone surrogate, which models do write, and a missing answer."""
    monkeypatch.setattr(seeding, "RIGHT", {"9a9e500000000000": (0, 0)})
    monkeypatch.setattr(seeding, "kept_samples", kept_many)
    await seeding.finished_job(store, evallab.home, seeding.job("9a9e500000000000", "many", created_at=NOON))
    lines = evallab.said("samples", "many", "-b", "0", "-o", "jsonl").splitlines()
    assert [json.loads(line)["doc_id"] for line in lines] == list(range(MANY))
    assert len(evallab.said("samples", "many", "-b", "0", "-o", "jsonl", "-n", str(PAGE + 1)).splitlines()) == PAGE + 1
    rows = list(csv.DictReader(io.StringIO(evallab.said("samples", "many", "-b", "0", "-o", "csv"))))
    assert [row["response"] for row in rows[:3]] == ["\\ud800 0", "\\ud800 1", "\\ud800 2"]
    assert evallab("samples", "many", "-b", "0", "--grep", str(MANY - 1)).stderr == "1 questions\n"


def kept_many(row: Any, index: int, right: int, home: Path) -> tuple[ArtifactRow, list[SampleRow]]:
    sample = seeding.sample(0, right=True)
    samples: list[Sample] = [
        sample.model_copy(update={"doc_id": number, "doc_hash": f"{number:064x}", "response": f"\ud800 {number}"})
        for number in range(MANY)
    ]
    artifact, rows = ArtifactFiles(home / "artifacts").write_samples(
        samples, owner=Owner(row.id, index, f"{row.id}-{index}")
    )
    return artifact, [replace(each) for each in rows]


def test_the_job_is_found_by_its_id_too(evallab: Command) -> None:
    assert evallab.json("samples", CANDIDATE, "-b", "0", "-n", "1")["job"] == CANDIDATE

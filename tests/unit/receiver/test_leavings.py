"""What an attempt left, read with suspicion."""

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evallab.api.contract import Message, Result, ScoreValue
from evallab.planning.conclusion import Declared
from evallab.receiver.leavings import declared, from_events, read_result, read_samples
from evallab.store.interface import EventRow


def event(number: int, *, late: bool = False, **body: Any) -> EventRow:
    received = datetime(2026, 1, 1, 0, 0, number, tzinfo=UTC)
    return EventRow(id=str(number), attempt_id="a", received_at=received, body=body, late=late)


def test_no_result_file_is_no_result(tmp_path: Path) -> None:
    assert read_result(tmp_path / "result.json") is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"status": "perfect"}', b"\xff"])
def test_a_damaged_result_file_is_a_failure_that_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    result = read_result(path)
    assert result is not None
    assert (result.status, result.error and result.error.message_code) == ("failed", "damaged_result")


def test_a_damaged_sample_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text('{"doc_id": 0, "doc_hash": "00", "prompt_hash": "00"}\n{"doc_id": "x"}\n')
    samples = read_samples(tmp_path, Result(status="completed", samples="samples.jsonl"))
    with pytest.raises(ValueError, match=r"samples.jsonl, line 2"):
        list(samples)


def test_declarations_do_not_depend_on_order_or_repetition() -> None:
    events = [
        event(1, status="running"),
        event(2, status="completed", metrics={"acc": 0.5}),
        event(3, status="failed", error_message={"message": "disk full", "message_code": "x"}),
    ]
    expected = Declared(completed=True, failed=True, final=True, code="x", message="disk full")
    for order in itertools.permutations([*events, *events]):
        assert declared(order, None) == expected


def test_late_events_declare_nothing() -> None:
    assert declared([event(1, status="completed", late=True)], None) == Declared()


def test_the_result_file_is_the_second_way_in() -> None:
    failed = Result(status="failed", error=Message(message="no data", message_code="adapter_failed"))
    assert declared([], Result(status="completed")) == Declared(completed=True)
    assert declared([], failed) == Declared(failed=True, code="adapter_failed", message="no data")


def test_numbers_of_a_foreign_adapter_become_scores() -> None:
    result = from_events([event(1, status="completed", metrics={"acc": 0.5, "grade": "B"})])
    assert result is not None
    assert result.scores == (ScoreValue(metric="acc", value=0.5),)
    assert from_events([event(1, status="running")]) is None

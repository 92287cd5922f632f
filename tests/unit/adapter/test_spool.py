"""The spool after crashes of every kind."""

import json
from pathlib import Path

import pytest

from evallab.adapter.spool import Spool, request_digest

LINES = "".join(json.dumps({"key": f"k{n}", "answer": {"text": f"ä{n}"}}, ensure_ascii=False) + "\n" for n in range(3))


def test_answers_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    spool = Spool(path)
    spool.add("a", {"text": "x", "logprob": -0.1})
    spool.close()
    again = Spool(path)
    assert (len(again), again.get("a"), again.get("b")) == (1, {"text": "x", "logprob": -0.1}, None)
    again.close()


def test_a_torn_last_line_is_cut_off_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    for cut in range(1, 12):
        path.write_bytes((LINES + '{"key": "k3", "answer": {"te')[: -cut or None].encode())
        spool = Spool(path)
        assert len(spool) == 3
        spool.add("new", {"text": "y"})
        spool.close()
        assert path.read_text() == LINES + '{"key":"new","answer":{"text":"y"}}\n'


def test_a_damaged_line_in_the_middle_costs_that_line_only(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(LINES.replace('{"key": "k1"', "\x00\x00"))
    spool = Spool(path)
    assert [spool.get(f"k{n}") is not None for n in range(3)] == [True, False, True]
    spool.close()


def test_writes_are_not_batched_and_syncs_are_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, synced = [0.0], []
    monkeypatch.setattr("os.fsync", lambda _: synced.append(now[0]))
    path = tmp_path / "answers.jsonl"
    spool = Spool(path, interval=1.0, clock=lambda: now[0])
    for key, at in (("a", 0.0), ("b", 1.0), ("c", 1.5)):
        now[0] = at
        spool.add(key, {})
        assert f'"{key}"' in path.read_text()
    assert synced == [1.0]
    spool.close()
    spool.close()
    assert synced == [1.0, 1.5]


def test_a_request_is_known_by_what_it_asks() -> None:
    first = request_digest("chat", {"a": 1, "b": [1, 2]})
    assert first == request_digest("chat", {"b": [1, 2], "a": 1})
    assert first != request_digest("completions", {"a": 1, "b": [1, 2]})
    assert first != request_digest("chat", {"a": 1, "b": [2, 1]})

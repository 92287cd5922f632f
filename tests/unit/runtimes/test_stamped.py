"""Logs of pods, taken apart into text and times: read back they are what the API server sent."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evallab.runtimes.kubernetes import stamped
from evallab.runtimes.kubernetes.stamped import Stamped
from evallab.runtimes.local.line_times import RECORD
from evallab.runtimes.local.log_reader import index_of, read_log

SENT = (
    b"2026-11-22T12:00:00Z one\n"
    b"2026-11-22T12:00:01.5Z two words\n"
    b"2026-11-22T12:00:01.500400001Z \n"
    b"2026-11-22T12:00:02.123456789Z  indented\n"
    b"2026-11-22T12:00:03.9Z the last, cut"
)
STAMPED = (
    "2026-11-22T12:00:00.000Z one\n"
    "2026-11-22T12:00:01.500Z two words\n"
    "2026-11-22T12:00:02.123Z  indented\n"
    "2026-11-22T12:00:03.900Z the last, cut"
)


def kept(path: Path, *pieces: bytes) -> Path:
    taken = Stamped()
    path.write_bytes(b"".join(taken.of(each) for each in pieces) + taken.rest())
    index_of(path).write_bytes(taken.index())
    return path


def text(path: Path, *, since: datetime | None = None, tail: int | None = None) -> str:
    read = read_log(path, index_of(path), timestamps=True, since=since, tail=tail, max_bytes=1 << 20)
    assert read.timed
    return read.text


def test_every_line_has_its_time_wherever_pieces_are_cut(tmp_path: Path) -> None:
    for cut in range(len(SENT)):
        path = kept(tmp_path / "jobrun.log", SENT[:cut], SENT[cut:])
        assert path.read_bytes() == b"one\ntwo words\n\n indented\nthe last, cut"
        assert text(path).replace("2026-11-22T12:00:01.500Z \n", "") == STAMPED


def test_it_is_known_what_came_since(tmp_path: Path) -> None:
    path = kept(tmp_path / "jobrun.log", SENT)
    since = datetime(2026, 11, 22, 12, 0, 2, tzinfo=UTC)
    assert text(path, since=since) == "".join(STAMPED.splitlines(keepends=True)[2:])
    assert text(path, tail=1) == STAMPED.splitlines()[-1]


def test_what_has_no_time_is_text(tmp_path: Path) -> None:
    said = b"unable to retrieve container logs\n2026-13-99T12:00:00Z no time\n"
    path = kept(tmp_path / "jobrun.log", said)
    assert path.read_bytes() == said
    assert index_of(path).read_bytes() == b""


def test_many_lines_have_a_small_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamped, "MOST", 16)
    chance = random.Random(1)  # noqa: S311 - a test that can be repeated
    moments = sorted(chance.uniform(0, 60) for _ in range(1000))
    path = kept(tmp_path / "jobrun.log", *(f"2026-11-22T12:00:{each:09.6f}Z line\n".encode() for each in moments))
    assert index_of(path).stat().st_size <= 17 * RECORD
    first, *_, last = text(path).splitlines()
    assert (first[:19], last.split()[1]) == (f"2026-11-22T12:00:{int(moments[0]):02d}", "line")

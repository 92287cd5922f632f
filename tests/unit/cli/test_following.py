"""Following a growing file: every line once, whole lines, whatever happens to the file."""

from pathlib import Path

import pytest

from evallab.cli.following import Follower, Tail
from evallab.runtimes.local.log_reader import live_logs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "jobrun.log"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(data)


def test_lines_come_once_and_whole(log: Path) -> None:
    tail = Tail(log)
    assert tail.lines() == []
    append(log, b"one\ntw")
    assert tail.lines() == ["one"]
    assert tail.lines() == []
    append(log, b"o\n\nthree")
    assert tail.lines() == ["two", ""]
    assert tail.lines(last=True) == ["three"]
    assert tail.lines(last=True) == []


def test_a_character_that_comes_in_two_halves_is_one(log: Path) -> None:
    tail = Tail(log)
    append(log, "é".encode()[:1])
    assert tail.lines() == []
    append(log, "é".encode()[1:] + b"\n\xff\n")
    assert tail.lines() == ["é", "\ufffd"]


def test_only_the_last_lines_of_what_is_there_and_all_that_come(log: Path) -> None:
    append(log, b"1\n2\n3\n")
    tail = Tail(log, skip=1)
    assert tail.lines() == ["3"]
    append(log, b"4\n5\n")
    assert tail.lines() == ["4", "5"]


def test_a_file_that_was_replaced_is_read_anew(log: Path) -> None:
    tail = Tail(log)
    append(log, b"a long first line\n")
    assert tail.lines() == ["a long first line"]
    log.unlink()
    assert tail.lines() == []
    append(log, b"new\n")
    assert tail.lines() == ["new"]


def test_live_logs_are_found_below_and_links_are_not_followed(tmp_path: Path) -> None:
    nested = tmp_path / "p" / "a" / "b"
    nested.mkdir(parents=True)
    (nested / "jobrun.log").touch()
    (tmp_path / "jobrun.log").symlink_to("/etc/hostname")
    assert live_logs(tmp_path) == [nested / "jobrun.log"]
    assert live_logs(tmp_path / "nowhere") == []


def test_kept_logs_stand_in_for_live_ones_that_are_gone(tmp_path: Path) -> None:
    said: list[tuple[int, str]] = []
    follower = Follower(tmp_path, (0, 1), lambda index, line: said.append((index, line)), skip=1)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "jobrun.log").write_text("live\n")
    follower.look(last=True)
    follower.kept({0: "kept\n", 1: "first\nsecond\n"})
    assert said == [(0, "live"), (1, "second")]

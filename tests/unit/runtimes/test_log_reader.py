"""A log is read from its end, from a moment on, or whole, a piece at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evallab.runtimes.local import line_times, log_reader
from evallab.runtimes.local.bounded_log import MARKER, BoundedLog
from evallab.runtimes.local.log_following import LogFollower
from evallab.runtimes.local.log_reader import LogAsk, LogText, index_of, live_logs, read_log

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 4000


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second per write."""
    seconds = iter(range(1_000_000))

    class Clock:
        def time_ns(self) -> int:
            return (int(START.timestamp()) + next(seconds)) * 1_000_000_000

    monkeypatch.setattr(line_times, "time", Clock())


@pytest.fixture(params=[7, 1 << 18])
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    monkeypatch.setattr(log_reader, "PIECE", request.param)
    return tmp_path / "jobrun.log"


def write(path: Path, *parts: bytes) -> None:
    log = BoundedLog(str(path), limit=LIMIT)
    for part in parts:
        log.write(part)


@pytest.mark.parametrize(
    ("content", "tail", "text"),
    [
        (b"", None, ""),
        (b"", 3, ""),
        (b"a\nb\nc\n", None, "a\nb\nc\n"),
        (b"a\nb\nc", None, "a\nb\nc"),
        (b"a\nb\nc\n", 2, "b\nc"),
        (b"a\nb\nc", 2, "b\nc"),
        (b"a\nb\nc\n", 3, "a\nb\nc"),
        (b"a\nb\nc\n", 1000, "a\nb\nc"),
        (b"a\nb\nc\n", 0, ""),
        (b"a\nb\nc", 0, ""),
        (b"a\n\n\n", 2, "\n"),
        (b"\n", 1, ""),
        (b"a very long line\nand its end without one", 1, "and its end without one"),
        (b"\xff\n", 1, "�"),
    ],
)
def test_the_last_lines(path: Path, content: bytes, tail: int | None, text: str) -> None:
    path.write_bytes(content)
    assert read_log(path, None, tail=tail, max_bytes=1000) == LogText(text=text)


def test_a_log_that_is_not_there_is_empty(path: Path) -> None:
    assert read_log(path, index_of(path), timestamps=True, max_bytes=10) == LogText()


def test_what_is_too_much_is_cut(path: Path) -> None:
    path.write_bytes(b"0123456789\n")
    assert read_log(path, None, max_bytes=11) == LogText(text="0123456789\n")
    assert read_log(path, None, max_bytes=10) == LogText(text="0123456789", truncated=True)
    assert read_log(path, None, tail=5, max_bytes=10) == LogText(text="0123456789")


def test_lines_since_a_moment(path: Path) -> None:
    write(path, b"one\ntwo\nbegin of ", b"three\nfour\n", b"five\n")
    times = index_of(path)

    def since(seconds: float, tail: int | None = None) -> str:
        return read_log(path, times, since=START + timedelta(seconds=seconds), tail=tail, max_bytes=1000).text

    assert since(-1) == since(0) == "one\ntwo\nbegin of three\nfour\nfive\n"
    assert since(0.5) == since(1) == "four\nfive\n"
    assert since(2) == "five\n"
    assert since(2.5) == ""
    assert (since(0, tail=2), since(2, tail=2)) == ("four\nfive", "five")


def test_without_an_index_nothing_is_left_out_and_the_reader_says_so(path: Path) -> None:
    path.write_bytes(b"one\ntwo\n")
    found = read_log(path, index_of(path), timestamps=True, since=START, max_bytes=100)
    assert found == LogText(text="one\ntwo\n", timed=False)
    assert read_log(path, index_of(path), tail=1, max_bytes=100) == LogText(text="two")


def test_a_log_far_longer_than_a_piece(tmp_path: Path) -> None:
    path = tmp_path / "jobrun.log"
    with path.open("wb") as stream:
        stream.truncate(1 << 30)  # takes no room: one endless line of zeros
        stream.seek(0, 2)
        stream.write(b"\nlast\n")
    assert read_log(path, None, tail=1, max_bytes=100) == LogText(text="last")
    assert read_log(path, None, max_bytes=100) == LogText(text="\0" * 100, truncated=True)


def test_live_logs_are_found_wherever_they_lie_and_links_are_not_followed(tmp_path: Path) -> None:
    for folder in ("p/b", "p/inspect/petri"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "jobrun.log").touch()
    (tmp_path / "p" / "jobrun.log").symlink_to(tmp_path / "p/b/jobrun.log")
    assert [each.parent.name for each in live_logs(tmp_path)] == ["b", "petri"]


@pytest.fixture
def follower(path: Path) -> Iterator[LogFollower]:
    with LogFollower(path, LogAsk(tail=2)) as opened:
        yield opened


def new(follower: LogFollower, *, rest: bool = False) -> bytes:
    return b"".join(follower.new(rest=rest))


def test_following_goes_through_attempts_and_files(path: Path, follower: LogFollower) -> None:
    assert (new(follower), follower.seen) == (b"", False)
    write(path, b"one\ntwo\nthree\n")
    assert new(follower) == b"two\nthree\n"
    assert new(follower) == b""
    write(path, b"fo", b"ur\n")
    assert new(follower) == b"four\n"
    with path.open("ab") as stream:
        stream.write(b"last words of a job whose folder was cleaned up\n")
    path.unlink()
    index_of(path).unlink()
    write(path, b"anew\n")
    assert new(follower) == b"last words of a job whose folder was cleaned up\nanew\n"
    path.unlink()
    assert new(follower, rest=True) == b""
    assert follower.seen


@pytest.mark.parametrize("looking_every", [1, 50, 150, 1_000_000])
@pytest.mark.parametrize("before", [b"", b"an earlier attempt\n"])
def test_following_a_log_that_loses_its_middle(
    path: Path, follower: LogFollower, looking_every: int, before: bytes
) -> None:
    """Who looks often enough misses nothing, who does not is told, and nobody gets anything twice."""
    if before:
        write(path, before)
    log = BoundedLog(str(path), limit=LIMIT)
    found = new(follower)
    for number in range(1000):
        log.write(b"%06d and some words\n" % number)
        if number % looking_every == 0:
            found += new(follower)
    found += new(follower, rest=True)
    lines = [int(line[:6]) for line in found.splitlines() if line.endswith(b" and some words") and len(line) == 21]
    assert lines == sorted(set(lines))
    assert lines[-1] == 999
    if looking_every < 100:
        assert (len(lines), found) == (1000, before + b"".join(b"%06d and some words\n" % each for each in range(1000)))
    else:
        assert b"=== evallab left out " in found


def test_following_waits_while_bytes_are_moved(path: Path, follower: LogFollower) -> None:
    log = BoundedLog(str(path), limit=LIMIT)
    seen: list[bytes] = []
    moving = log._move

    def move(source: int, target: int) -> int:
        seen.append(new(follower))
        return moving(source, target)

    log._move = move  # type: ignore[method-assign]
    for number in range(200):
        log.write(b"%06d and some words\n" % number)
        if not seen:
            new(follower)
    assert seen == [b""]
    assert path.stat().st_size < LIMIT + MARKER


def test_stamps_when_following(path: Path) -> None:
    with LogFollower(path, LogAsk(timestamps=True)) as follower:
        log = BoundedLog(str(path), limit=LIMIT)
        log.write(b"one\ntw")
        assert new(follower) == b"2026-01-01T00:00:00.000Z one\n2026-01-01T00:00:00.000Z tw"
        log.write(b"o\nthree\n")
        assert new(follower) == b"o\n2026-01-01T00:00:01.000Z three\n"
        assert follower.timed

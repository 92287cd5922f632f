"""The index beside a log: every line has the time at which it came, also of a log that lost its middle."""

import contextlib
import itertools
from pathlib import Path

import pytest

from evallab.runtimes.local import line_times
from evallab.runtimes.local.bounded_log import BoundedLog
from evallab.runtimes.local.line_times import LEAST, RECORD, SHARE
from evallab.runtimes.local.log_reader import index_of, read_log
from evallab.runtimes.local.log_times import LogTimes

SECOND = 1_000_000
LIMIT = 4000


class Clock:
    """Stands in for the wall clock, which goes on by a step whenever it is read."""

    def __init__(self, step: int = SECOND) -> None:
        self._times = itertools.count(step * 1000, step * 1000)

    def time_ns(self) -> int:
        return next(self._times)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(line_times, "time", Clock())
    return tmp_path / "jobrun.log"


def timed(path: Path) -> list[str]:
    return read_log(path, index_of(path), timestamps=True, max_bytes=1 << 20).text.splitlines()


def stamp(second: int, words: str) -> str:
    return f"1970-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000Z {words}"


def test_a_line_came_when_its_first_byte_came(path: Path) -> None:
    log = BoundedLog(str(path), limit=LIMIT)
    for words in (b"one\ntwo\n", b"th", b"r", b"ee\n\nfive", b"\nsix"):
        log.write(words)
    assert timed(path) == [
        *(stamp(1, "one"), stamp(1, "two"), stamp(2, "three"), stamp(3, ""), stamp(3, "five"), stamp(4, "six"))
    ]
    assert path.read_bytes() == b"one\ntwo\nthree\n\nfive\nsix"


def test_attempts_follow_each_other(path: Path) -> None:
    for number in range(3):
        log = BoundedLog(str(path), limit=LIMIT)
        log.write(b"attempt %d\n" % number)
        log.finish()
    BoundedLog(str(path), limit=LIMIT)  # of a shim that finds nothing to do
    assert timed(path) == [stamp(number + 1, f"attempt {number}") for number in range(3)]
    assert index_of(path).stat().st_size == 6 * RECORD


def test_lines_from_before_there_was_an_index_have_no_time(path: Path) -> None:
    path.write_bytes(b"old\n")
    BoundedLog(str(path), limit=LIMIT).write(b"new\n")
    assert timed(path) == ["old", stamp(1, "new")]


@pytest.mark.parametrize("before", [b"", b"an earlier attempt\n"])
@pytest.mark.parametrize(("count", "at_once"), [(200, 1), (903, 7), (5000, 50)])
def test_a_log_that_lost_its_middle_keeps_the_times_of_the_rest(
    path: Path, before: bytes, count: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_times, "LEAST", 10_000)
    if before:
        BoundedLog(str(path), limit=LIMIT).write(before)
    log = BoundedLog(str(path), limit=LIMIT)
    for start in range(0, count, at_once):
        log.write(b"".join(b"%06d and some words\n" % number for number in range(start, start + at_once)))
    found = timed(path)
    first = 1 if before else 0
    begin = first + 1
    lines = [line for line in found[first:] if " and some words" in line and len(line) == 46]
    assert lines == [stamp(begin + int(line[25:31]) // at_once, line[25:]) for line in lines]
    assert (f"{count - 1:06d}" in found[-1], any("evallab left out" in line for line in found)) == (True, True)
    assert len(lines) > 100


def test_the_index_is_bounded_and_gets_less_fine(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_times, "time", Clock(line_times.RESOLUTION))
    limit = LEAST * 100 * SHARE * RECORD
    log = BoundedLog(str(path), limit=limit)
    for number in range(20_000):
        log.write(b"%d\n" % number)
    assert index_of(path).stat().st_size <= limit // SHARE + RECORD
    times = LogTimes(index_of(path))
    with path.open("rb") as stream:
        times.refresh(stream)
    position = 0
    for number in range(20_000):
        moment, _ = times.moment(position)
        assert moment is not None
        assert 0 <= (number + 1) * line_times.RESOLUTION - moment < 64 * line_times.RESOLUTION
        position += len(b"%d\n" % number)


def test_what_is_gone_from_the_log_goes_from_the_index_first(path: Path) -> None:
    pairs = [(offset, offset * 10) for offset in range(0, 100, 10)]
    assert line_times.without(pairs, 25, 62) == [
        (0, 0),
        (10, 100),
        (20, 200),
        (60, 600),
        (70, 700),
        (80, 800),
        (90, 900),
    ]
    assert line_times.without(pairs, 0, 0) == pairs
    assert line_times.apart(pairs, 300) == [(0, 0), (30, 300), (60, 600), (90, 900)]


def test_a_torn_record_does_not_shift_the_next_attempts(path: Path) -> None:
    BoundedLog(str(path), limit=LIMIT).write(b"one\n")
    with index_of(path).open("ab") as stream:
        stream.write(b"torn")
    BoundedLog(str(path), limit=LIMIT).write(b"two\n")
    assert timed(path) == [stamp(1, "one"), stamp(2, "two")]


def test_an_index_that_cannot_be_written_costs_times_only(path: Path) -> None:
    index_of(path).mkdir()
    log = BoundedLog(str(path), limit=LIMIT)
    log.write(b"one\n" * 5000)
    log.finish()
    assert path.stat().st_size <= LIMIT + 160


def test_a_shim_killed_while_it_moved_bytes_leaves_times_that_are_true(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_times, "LEAST", 10_000)
    log = BoundedLog(str(path), limit=LIMIT)

    def killed(source: int, target: int) -> int:
        raise KeyboardInterrupt

    log._move = killed  # type: ignore[method-assign]
    with contextlib.suppress(KeyboardInterrupt):
        for number in range(400):
            log.write(b"%06d and some words\n" % number)
    found = timed(path)
    marker = next(at for at, line in enumerate(found) if line.startswith("=== evallab is leaving out"))
    assert found[: marker - 1] == [stamp(at + 1, f"{at:06d} and some words") for at in range(marker - 1)]
    assert not any("Z " in line for line in found[marker:])

"""Of a long log the beginning and the end are kept, and a line says what is missing."""

from pathlib import Path

import pytest

from evallab.runtimes.local.bounded_log import MARKER, BoundedLog

LIMIT = 4000
LINE = b"0123456789abcdef\n"


def written(path: Path, *parts: bytes) -> bytes:
    log = BoundedLog(str(path), limit=LIMIT)
    for part in parts:
        log.write(part)
    log.finish()
    return path.read_bytes()


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
def test_what_fits_is_kept_as_it_is(tmp_path: Path, size: int) -> None:
    assert written(tmp_path / "log", b"x" * size) == b"x" * size


@pytest.mark.parametrize("count", [240, 500, 5000])
@pytest.mark.parametrize("at_once", [1, 7, 4000])
def test_what_does_not_fit_loses_its_middle(tmp_path: Path, count: int, at_once: int) -> None:
    lines = [b"%06d " % number + LINE for number in range(count)]
    parts = [b"".join(lines[start : start + at_once]) for start in range(0, count, at_once)]
    kept = written(tmp_path / "log", *parts)
    head, _, rest = kept.partition(b"\n=== evallab left out ")
    assert b"".join(lines).startswith(head)
    assert len(head) == LIMIT // 4
    tail = rest.split(b"\n", 1)[1]
    assert b"".join(lines).endswith(tail)
    assert tail[:1] == b"0"
    assert int(rest.split()[0]) == sum(map(len, lines)) - len(head) - len(tail)
    assert len(kept) <= LIMIT + MARKER


def test_an_earlier_attempt_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"attempt 1\n")
    assert written(tmp_path / "log", LINE * 1000).startswith(b"attempt 1\n" + LINE)


def test_an_endless_line_is_bounded_too(tmp_path: Path) -> None:
    assert len(written(tmp_path / "log", *([b"x" * 999] * 100))) <= LIMIT + MARKER


def test_a_disk_that_takes_nothing_costs_the_log_only(tmp_path: Path) -> None:
    full = tmp_path / "full.log"
    full.symlink_to("/dev/full")
    log = BoundedLog(str(full), limit=LIMIT)
    log.write(LINE)
    log.finish()

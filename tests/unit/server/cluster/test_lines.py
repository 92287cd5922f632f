"""Lines with their times, cut into pieces anywhere, repeated from a second on."""

from evallab.server.cluster.lines import StampedLines

TEXT = b"2026-11-22T12:00:00.5Z one\n2026-11-22T12:00:00.50000001Z two words\n2026-11-22T12:00:01Z \n"


def test_lines_are_whole_wherever_they_are_cut() -> None:
    for cut in range(len(TEXT)):
        lines = StampedLines(timestamps=False)
        assert lines.of(TEXT[:cut]) + lines.of(TEXT[cut:]) == b"one\ntwo words\n\n"
        stamped = StampedLines(timestamps=True)
        assert stamped.of(TEXT[:cut]) + stamped.of(TEXT[cut:]) == TEXT


def test_asked_again_nothing_comes_twice() -> None:
    lines = StampedLines(timestamps=False)
    assert not lines.seen
    first, rest = TEXT.split(b"\n", 1)
    assert lines.of(first + b"\n" + rest[:10]) == b"one\n"
    assert lines.again() == "2026-11-22T12:00:00Z"
    assert lines.of(TEXT + b"2026-11-22T12:00:01Z the same moment\n") == b"two words\n\nthe same moment\n"
    assert lines.seen


def test_the_last_line_may_have_no_end() -> None:
    lines = StampedLines(timestamps=False)
    assert lines.of(b"2026-11-22T12:00:00.5Z Traceb") == b""
    assert (lines.rest(), lines.rest()) == (b"Traceb", b"")

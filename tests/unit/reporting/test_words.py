"""Word diffs: the pieces are both answers again, and they read well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.reporting.words import LONGEST, Piece, coloured, compared, plain

TEXT = st.text(alphabet="ab .\n1é", max_size=60)


@given(before=TEXT, after=TEXT)
def test_the_pieces_are_both_answers(before: str, after: str) -> None:
    pieces = compared(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after
    assert all(piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("108 - 53 = 55.", "108 - 53 = 65.", "108 - 53 = [-55-]{+65+}."),
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
        ("gone", "", "[-gone-]"),
        ("", "", ""),
        ("the cat sat down", "the old dog sat down", "the [-cat-]{+old dog+} sat down"),
        ("one two three", "1 2 3", "[-one two three-]{+1 2 3+}"),
        ("a\nb", "a\nc", "a\n[-b-]{+c+}"),
    ],
)
def test_plain(before: str, after: str, expected: str) -> None:
    assert plain(compared(before, after)) == expected


def test_coloured() -> None:
    text = coloured(compared("it is 5", "it is 6"))
    assert text.plain == "it is 56"
    assert [(span.start, span.end, str(span.style)) for span in text.spans] == [(6, 7, "red strike"), (7, 8, "green")]


def test_long_answers_are_compared_by_lines_and_endless_ones_not_at_all() -> None:
    lines = "".join(f"line {number} of a long answer\n" for number in range(LONGEST // 8))
    changed = lines.replace("line 7 of", "line seven of")
    assert [piece for piece in compared(lines, changed) if piece.kind != "same"] == [
        Piece("gone", "line 7 of a long answer\n"),
        Piece("new", "line seven of a long answer\n"),
    ]
    endless = "x\n" * LONGEST
    assert compared(endless, endless + "y\n") == [Piece("gone", endless), Piece("new", endless + "y\n")]

"""Answers of models as one line of a table."""

import pytest

from evallab.reporting.lines import answer_line, fitted


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (None, "–"),
        ("", ""),
        ("\n\n  The answer\tis 3.\nBecause", "The answer is 3."),
        ("red\x1b[31m\u202e", "red [31m "),
        ("[[-4.6, false], [-0.9, true], [-1.5, false]]", "likeliest: 1 of 3 choices"),
        ("[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"),
        ("[[is a link", "[[is a link"),
        ("[[null, true]]", "[[null, true]]"),
        ("[[]]", "[[]]"),
    ],
)
def test_an_answer_as_one_line(response: str | None, line: str) -> None:
    assert answer_line(response) == line


def test_a_line_is_cut_by_cells_not_characters() -> None:
    assert fitted("abc", 3) == "abc"
    assert fitted("abcd", 3) == "ab…"
    assert fitted("数学数学", 4) == "数…"

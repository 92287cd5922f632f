"""Which answers changed, how they are drawn, and how long texts are cut."""

from dataclasses import replace

import pytest

from evallab.reporting.changes import Flip, flips, render_words
from evallab.reporting.lines import last_lines, last_part, printable
from evallab.reporting.paper import Paper
from evallab.store.interface import Pairable

CHOICE = "[[-1.5, false], [-0.5, true]]"


def side(*answers: tuple[float | None, str | None]) -> Pairable:
    return Pairable(
        keys=tuple((number, 0) for number in range(len(answers))),
        values=tuple(value for value, _ in answers),
        response_hashes=tuple(text for _, text in answers),
    )


BEFORE = side((1, "a"), (1, "a"), (0, "a"), (1, "a"), (None, None), (1, "a"), (0.2, "a"))
AFTER = side((1, "a"), (0, "b"), (1, "b"), (1, "b"), (1, "b"), (None, None), (0, "b"), (1, "new question"))


def told(found: list[Flip]) -> list[tuple[int, str]]:
    return [(flip.doc_id, flip.kind) for flip in found]


def test_the_greatest_loss_comes_first_and_mere_texts_last() -> None:
    assert told(flips(BEFORE, AFTER, index=0)) == [
        (1, "regressed"),
        (6, "regressed"),
        (2, "improved"),
        (3, "changed"),
    ]


def test_where_lower_is_better_more_is_a_loss() -> None:
    assert told(flips(BEFORE, AFTER, index=0, higher_is_better=False)) == [
        (2, "regressed"),
        (6, "improved"),
        (1, "improved"),
        (3, "changed"),
    ]


FLIP = Flip(index=0, doc_id=7, repeat=2, kind="regressed", before=1, after=0)


def test_conversations_are_told_turn_by_turn() -> None:
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"}]
    found = FLIP.told({"response": "2"}, {"response": "3", "prompt": prompt, "target": "2"})
    assert (found.prompt, found.id) == ("system: Be brief.\n\nuser: 1 + 1?", "7.2")
    assert render_words([found], Paper()) == (
        "Question 7.2  1 → 0, regressed\n"
        "asked         system: Be brief.\n\n"
        "              user: 1 + 1?\n"
        "expected      2\n"
        "answer        [-2-]{+3+}"
    )
    assert "\x1b[9;31m2" in render_words([found], Paper(color=True))


def test_without_texts_dashes_stand_for_them() -> None:
    assert render_words([FLIP], Paper()).splitlines()[1:] == ["asked         –", "expected      –", "answer        –"]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (CHOICE, CHOICE.replace("1.5", "1.6"), True),
        (CHOICE, "[[-0.5, true], [-1.5, false]]", False),
        ("a", "b", False),
        (None, None, False),
    ],
)
def test_what_reads_the_same(before: str | None, after: str | None, *, same: bool) -> None:
    assert replace(FLIP, baseline_response=before, response=after).reads_the_same is same


def test_control_characters_are_shown_and_lines_kept() -> None:
    assert printable("a\x1b[31m\tb\r\nc\u202e") == "a\ufffd[31m  b\nc\ufffd"
    assert (printable(None), printable("")) == ("–", "")


def test_the_end_of_a_prompt_is_where_the_question_is() -> None:
    shot = "Question: one?\nAnswer: 1"
    assert last_lines("a\nb\nc\n", 2) == "…\nb\nc"
    assert last_lines("a", 2) == "a"
    assert last_part(f"{shot}\n\nQuestion: a longer one about two?\nAnswer:", lines=9) == (
        "Question: a longer one about two?\nAnswer:"
    )
    assert last_part(f"{shot}\n\nQuestion: two?\n\nAnswer:", lines=9) == f"{shot}\n\nQuestion: two?\n\nAnswer:"
    assert last_part("x\n" * 20, lines=2) == "…\nx\nx"

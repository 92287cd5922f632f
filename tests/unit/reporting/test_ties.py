"""Ranks by pairs: what overlapping intervals cannot tell apart, the same questions often can."""

from tests.unit.reporting.test_leaderboard import row

from evallab.engine.comparing import Answered
from evallab.reporting.leaderboard import board, render
from evallab.reporting.paper import Paper
from evallab.reporting.ties import by_pairs


def answers(*, right: range, of: int = 100) -> Answered:
    return Answered(values={question: float(question in right) for question in range(of)})


BEST, NEAR, WORST = answers(right=range(90)), answers(right=range(80)), answers(right=range(79))
ROWS = [row("best", 0.9, half=0.06), row("near", 0.8, half=0.08), row("worst", 0.79, half=0.08)]


def test_pairs_tell_apart_what_intervals_do_not() -> None:
    [ranking] = board(ROWS).rankings
    assert [each.rank for each in ranking.entries] == [1, 1, 1]
    found = by_pairs(ranking, {"best": BEST, "near": NEAR, "worst": WORST})
    assert [(each.model, each.rank) for each in found.entries] == [("best", 1), ("near", 2), ("worst", 2)]


def test_lower_may_be_better() -> None:
    rows = [row(name, value, higher_is_better=False) for name, value in (("best", 0.1), ("worst", 0.9))]
    [ranking] = board(rows).rankings
    found = by_pairs(ranking, {"best": answers(right=range(10)), "worst": BEST})
    assert [(each.model, each.rank) for each in found.entries] == [("best", 1), ("worst", 2)]


def test_without_a_common_question_nobody_is_better() -> None:
    [ranking] = board(ROWS[:2]).rankings
    elsewhere = Answered(values={question + 1000: value for question, value in NEAR.values.items()})
    assert [each.rank for each in by_pairs(ranking, {"best": BEST, "near": elsewhere}).entries] == [1, 1]


def test_one_of_many_pairs_needs_more_evidence() -> None:
    six = answers(right=range(84))  # 90 against 84: p = 0.016 alone
    rows = [row("best", 0.9), *(row(f"other {number}", 0.84) for number in range(6))]
    [ranking] = board(rows).rankings
    others = {f"other {number}": six for number in range(6)}
    alone = by_pairs(board(rows[:2]).rankings[0], {"best": BEST, **others})
    assert [each.rank for each in alone.entries] == [1, 2]
    assert {each.rank for each in by_pairs(ranking, {"best": BEST, **others}).entries} == {1}


def test_the_note_says_how_ties_were_found() -> None:
    found = board(ROWS)
    [ranking] = found.rankings
    drawn = type(found)(
        models=found.models,
        rankings=(by_pairs(ranking, {"best": BEST, "near": NEAR, "worst": WORST}),),
        not_comparable=(),
    )
    assert "#  equal ranks are within noise: question by question neither is better beyond doubt" in render(
        drawn, Paper()
    )

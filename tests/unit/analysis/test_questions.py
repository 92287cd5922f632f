"""Joining two sets of scores by question."""

import pytest

from evallab.analysis.questions import by_question, join


def test_scores_are_paired_by_id_not_by_position() -> None:
    joined = join({"a": 1, "b": 0}, {"b": 1, "a": 0})
    assert (joined.baseline.tolist(), joined.candidate.tolist()) == ([1, 0], [0, 1])
    assert (joined.only_baseline, joined.only_candidate) == (0, 0)


def test_different_questions_are_refused_with_counts_unless_asked_for() -> None:
    baseline, candidate = {"a": 1, "b": 0, "c": 1}, {"b": 1, "d": 0}
    with pytest.raises(ValueError, match="2 only in the baseline, 1 only in the candidate, 1 in both"):
        join(baseline, candidate)
    joined = join(baseline, candidate, common_only=True)
    assert (joined.baseline.tolist(), joined.candidate.tolist()) == ([0], [1])
    assert (joined.only_baseline, joined.only_candidate) == (2, 1)


def test_nothing_in_common_is_refused_in_any_case() -> None:
    with pytest.raises(ValueError, match="0 in both"):
        join({"a": 1}, {"b": 1}, common_only=True)


def test_an_empty_side_is_named() -> None:
    with pytest.raises(ValueError, match="The candidate has no scores"):
        join({"a": 1}, {})
    with pytest.raises(ValueError, match="The baseline has no scores"):
        join({}, {})


def test_a_bad_score_is_counted_on_its_side() -> None:
    with pytest.raises(ValueError, match="1 of 2 candidate scores are NaN"):
        join({"a": 1, "b": 1}, {"a": 1, "b": float("nan")})
    with pytest.raises(ValueError, match="1 of 2 baseline scores are not numbers, the first is 'yes'"):
        join({"a": 1, "b": "yes"}, {"a": 1, "b": 1})  # type: ignore[dict-item]


def test_a_question_that_comes_twice_is_refused() -> None:
    assert by_question([("a", 1.0), ("b", 0.0)]) == {"a": 1.0, "b": 0.0}
    with pytest.raises(ValueError, match="1 of 2 questions have more than one score, the first is 'a'"):
        by_question([("a", 1.0), ("b", 0.0), ("a", 0.0)])

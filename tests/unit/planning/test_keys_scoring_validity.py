"""Keys, primary scores and validity."""

import pytest

from evallab.analysis.missing import bounds
from evallab.api.contract import Counts, ScoreValue
from evallab.api.job import Benchmark, PassCriteria, PrimaryScore
from evallab.planning import keys, scoring, validity

STRICT_MATCH = ScoreValue(metric="exact_match", filter="strict-match", value=0.5)
FLEXIBLE = ScoreValue(metric="exact_match", filter="flexible-extract", value=0.6, primary=True)
LOSS = ScoreValue(metric="perplexity", value=9.0, higher_is_better=False)


def benchmark(metric: str | None = None, *, lower: bool = False, threshold: float | None = None) -> Benchmark:
    return Benchmark(
        provider_id="p",
        id="b",
        primary_score=PrimaryScore(metric=metric, lower_is_better=lower) if metric else None,
        pass_criteria=None if threshold is None else PassCriteria(threshold=threshold),
    )


def test_canonical_json_does_not_depend_on_the_order_of_fields() -> None:
    assert keys.digest({"a": 1, "b": [1, 2.5]}) == keys.digest({"b": [1, 2.5], "a": 1})
    assert keys.canonical({"ü": None}) == '{"ü":null}'


def test_nan_has_no_key() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        keys.digest({"a": float("nan")})


def test_question_keys_differ_when_anything_that_was_asked_differs() -> None:
    asked = {"task_hash": "x", "num_fewshot": 5}
    one = keys.question_key("p", "b", asked)
    assert one == keys.question_key("p", "b", dict(reversed(asked.items())))
    assert len({one, keys.question_key("p", "b", asked | {"num_fewshot": 4}), keys.question_key("p", "c", asked)}) == 3
    assert keys.question_key("p", "b", {}) is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (benchmark(), ("exact_match", "flexible-extract", False)),
        (benchmark("exact_match"), ("exact_match", "flexible-extract", False)),
        (benchmark("exact_match,strict-match"), ("exact_match", "strict-match", False)),
        (benchmark("perplexity", lower=True), ("perplexity", "none", True)),
        (benchmark("unknown"), None),
    ],
)
def test_which_metric_speaks_for_a_benchmark(wanted: Benchmark, expected: tuple[str, str, bool] | None) -> None:
    found = scoring.primary(wanted, (STRICT_MATCH, FLEXIBLE, LOSS))
    assert (found and (found.metric, found.filter, found.lower_is_better)) == expected


@pytest.mark.parametrize(
    ("value", "lower", "threshold", "expected"),
    [
        (0.5, False, 0.5, True),
        (0.4, False, 0.5, False),
        (0.5, True, 0.5, True),
        (0.6, True, 0.5, False),
        (1, False, None, None),
    ],
)
def test_pass_criteria(value: float, lower: bool, threshold: float | None, expected: bool | None) -> None:
    chosen = scoring.Primary(metric="m", filter="none", lower_is_better=lower, threshold=threshold)
    assert scoring.passed(value, chosen) is expected


@pytest.mark.parametrize(
    ("counts", "known", "expected"),
    [
        (Counts(total=100, answered=100), True, ("valid", [])),
        (Counts(total=100, answered=99, errors=1), True, ("degraded", ["MissingData"])),
        (Counts(total=100, answered=98, errors=2), True, ("invalid", ["ErrorBudget"])),
        (Counts(total=100, errors=100), True, ("invalid", ["NoAnswers", "ErrorBudget"])),
        (Counts(total=100, answered=100, truncated=6), True, ("degraded", ["Truncated"])),
        (Counts(total=100, answered=100, truncated=5), True, ("valid", [])),
        (Counts(), False, ("degraded", ["NoSamples"])),
    ],
)
def test_validity_is_a_verdict_with_reasons(counts: Counts, known: bool, expected: tuple[str, list[str]]) -> None:
    verdict, reasons = validity.judge(counts, intervals_known=known)
    assert (verdict, [reason.partition(":")[0] for reason in reasons]) == expected


def test_missing_answers_bound_the_score_from_all_wrong_to_all_right() -> None:
    counts, values = Counts(total=200, answered=198, errors=2), [1.0] * 181 + [0.0] * 17
    between = bounds(values, score=181 / 198, errors=2)
    verdict, reasons = validity.judge(counts, intervals_known=True, bounds=between)
    said = "MissingData: 2 of 200 questions have no answer (1.0 %): score between 0.905 and 0.915"
    assert (verdict, reasons) == ("degraded", (said,))

"""The line that says what a canary told, and what is read from provenance."""

from typing import Any

import pytest

from evallab.reporting.canary import Canary, baselines, canary, line

TOLD = Canary(outcome="identical", baseline_name="q3-2", prompts=16, compared=16, within="identical")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_effect": "identical"}, "identical to q3-2 (16 prompts); batch effect none"),
        ({"outcome": "first"}, "first of its setup (16 prompts); batch effect unknown"),
        (
            {"why": "9 of 16 prompts were answered within 12 s", "compared": 9, "prompts": 9},
            "identical to q3-2 (9 prompts), 9 of 16 prompts were answered within 12 s; batch effect unknown",
        ),
        (
            {"outcome": "numeric_drift", "drift": 0.0234, "differing": 1, "batch_effect": "identical"},
            "numeric drift against q3-2: 1 of 16 answers differ, log-probabilities up to 0.023 apart; "
            "batch effect none",
        ),
        (
            {"outcome": "changed", "why": "prompt 3 is refused now (HTTP 400)", "batch_effect": "identical"},
            "changed since q3-2: prompt 3 is refused now (HTTP 400); batch effect none",
        ),
        (
            {"within": "changed", "within_why": "prompt 1 has another answer", "batch_effect": "identical"},
            "identical to q3-2 (16 prompts); changed while the job ran: prompt 1 has another answer; batch effect none",
        ),
        (
            {"within": "unknown", "within_why": "the prompts were not asked again", "batch_effect": "identical"},
            "identical to q3-2 (16 prompts); not known at the end: the prompts were not asked again; batch effect none",
        ),
        (
            {"batch_effect": "changed", "batch_differing": 3, "batch_drift": 0.5},
            "identical to q3-2 (16 prompts); batch effect: 3 of 16 answers differ, log-probabilities up to 0.5 apart",
        ),
        ({"outcome": "unknown", "prompts": 0, "why": "the server is silent"}, "unknown: the server is silent"),
        ({"outcome": "none", "prompts": 0, "why": "switched off"}, "none: switched off"),
    ],
)
def test_each_outcome_has_its_line(changes: dict[str, Any], said: str) -> None:
    assert line(Canary(**{**vars(TOLD), **changes})) == said


def test_it_is_read_from_provenance_with_the_name_of_the_baseline() -> None:
    told = {"outcome": "identical", "baseline_job": "b1", "prompts": 16, "usable": True, "policy": "Warn"}
    provenance = {"job": {"canary": told}}
    assert baselines(provenance) == {"b1"}
    expected = Canary(outcome="identical", baseline_job="b1", baseline_name="before", prompts=16, policy="Warn")
    assert canary(provenance, {"b1": "before"}) == expected


@pytest.mark.parametrize("provenance", [{}, {"job": {}}, {"job": {"canary": None}}])
def test_where_nothing_is_known_nothing_is_said(provenance: dict[str, Any]) -> None:
    assert canary(provenance, {}) is None
    assert baselines(provenance) == set()

"""Exit codes: the precedence exhaustively, errors, and what a finished job means to a script."""

import re
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
from tests.unit.reporting.making import benchmark, change, report, score

from evallab.api import errors
from evallab.cli.exits import BY_ERROR, PRECEDENCE, Exit, exit_code, first, of_error
from evallab.reporting.overall import Overall

DOCUMENTED = (130, 70, 2, 3, 4, 1, 5)
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "exit-codes.md"


def every_subset() -> list[tuple[int, ...]]:
    return list(chain.from_iterable(combinations(DOCUMENTED, size) for size in range(len(DOCUMENTED) + 1)))


def test_the_precedence_is_the_one_promised() -> None:
    assert tuple(PRECEDENCE) == DOCUMENTED


@pytest.mark.parametrize("codes", every_subset())
def test_the_first_that_applies_wins_in_any_order(codes: tuple[int, ...]) -> None:
    expected = codes[0] if codes else 0
    assert first(map(Exit, codes)) == first(map(Exit, reversed(codes))) == expected
    assert first(map(Exit, (0, *codes))) == expected


def test_every_error_has_the_code_that_its_page_gives() -> None:
    tree = errors.__doc__ or ""
    promised = {name: int(code) for name, code in re.findall(r"── (\w+) .*exit (\d+)", tree)}
    classes = {name: getattr(errors, name) for name in promised}
    assert {name: int(of_error(_made(cls))) for name, cls in classes.items()} == promised
    assert of_error(errors.EvallabError("?")) == 70
    assert of_error(KeyboardInterrupt()) == 130
    assert of_error(RuntimeError()) == 70
    assert set(BY_ERROR) <= {errors.EvallabError, *classes.values()}


def _made(cls: type[errors.EvallabError]) -> errors.EvallabError:
    return errors.InvalidManifest(["?"]) if cls is errors.InvalidManifest else cls("?")


GOOD = benchmark(comparison=change("PASS"))
INVALID = replace(GOOD, primary_score=score(validity="invalid"))
MISSED = replace(GOOD, primary_score=score(threshold=0.9, passed=False))
REGRESSION = replace(GOOD, comparison=change("REGRESSION"))
UNSURE = replace(GOOD, comparison=change("INCONCLUSIVE"))
ALONE = replace(GOOD, comparison=None)
FAILED = replace(GOOD, state="failed", primary_score=None, comparison=None)
MIXED: Any = {"state": "partially_failed"}


@pytest.mark.parametrize(
    ("made", "regression", "inconclusive", "never"),
    [
        (report(GOOD), 0, 0, 0),
        (report(replace(GOOD, primary_score=score(validity="degraded"))), 0, 0, 0),
        (report(REGRESSION), 1, 1, 0),
        (report(UNSURE), 0, 5, 0),
        (report(ALONE), 0, 5, 0),
        (report(MISSED), 1, 1, 1),
        (report(INVALID), 4, 4, 4),
        (report(FAILED, state="failed"), 3, 3, 3),
        (report(replace(FAILED, state="cancelled"), state="cancelled"), 3, 3, 3),
        (report(GOOD, FAILED, **MIXED), 3, 3, 3),
        (report(GOOD, state="failed"), 3, 3, 3),
        (report(UNSURE, REGRESSION), 1, 1, 0),
        (report(REGRESSION, INVALID), 4, 4, 4),
        (report(REGRESSION, INVALID, FAILED, UNSURE, MISSED, **MIXED), 3, 3, 3),
        (report(GOOD, overall=Overall(value=0.5, threshold=0.6, passed=False)), 1, 1, 1),
        (report(GOOD, overall=Overall(value=0.5, threshold=None, passed=None)), 0, 0, 0),
    ],
)
def test_what_a_finished_job_means_to_a_script(made: Any, regression: int, inconclusive: int, never: int) -> None:
    assert exit_code(made, "regression") == regression
    assert exit_code(made, "inconclusive") == inconclusive
    assert exit_code(made, "never") == never


def test_every_code_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| `(\d+)` \|", text, re.MULTILINE)} == {int(code) for code in Exit}

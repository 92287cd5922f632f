"""Each benchmark runs, in its smallest size, and gives rows. Nothing here looks at a clock."""

import importlib
import inspect

import pytest
from benchmarks import run
from benchmarks.row import Row

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the harness runs in this process


@pytest.mark.parametrize("name", run.names())
def test_each_benchmark_gives_rows(name: str) -> None:
    rows = importlib.import_module(f"benchmarks.bench_{name}").rows
    found = rows(tiny=True) if "tiny" in inspect.signature(rows).parameters else rows()
    assert found
    assert all(isinstance(row, Row) and row.metric and row.unit and row.measured > 0 for row in found)


def test_the_page_says_which_targets_are_met() -> None:
    found = [
        Row(metric="a", measured=0.25, unit="×", target=0.4, note="why"),
        Row(metric="b", measured=1234.5, unit="/s", target=2000, sense="at least"),
        Row(metric="c", measured=3, unit="s"),
    ]
    assert [run.line(row) for row in found] == [
        "| a | ≤ 0.4 × | 0.25 × | yes | why |",
        "| b | ≥ 2000 /s | 1234 /s | **no** |  |",
        "| c |  | 3 s |  |  |",
    ]
    page = run.page({"x": found}, "Somewhere.")
    assert "make bench" in page
    assert "1 of the targets not met in this run." in page

"""The page on statistics says what the code does: its example is run, its table computed anew."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from evallab.analysis.paired import questions_to_exclude, smallest_detectable, tango

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "statistics.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def test_the_example_prints_what_the_page_shows() -> None:
    ran = subprocess.run([sys.executable, "-c", block("python")], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == (block("text"), "")


def cell(discordance: float, n: int) -> str:
    detectable = smallest_detectable(discordance, n)
    text = f"{100 * detectable:.1f}"
    return text if detectable <= discordance else f"({text})"


@pytest.mark.parametrize("n", [120, 164, 200, 1319])
def test_the_table_of_detectable_differences(n: int) -> None:
    cells = [cell(discordance, n) for discordance in (0.01, 0.02, 0.03, 0.05, 0.1)]
    assert f"| {n} | {100 / n:.2f} | {' | '.join(cells)} |" in PAGE


def test_what_no_change_excludes() -> None:
    assert f"{100 * tango(0, 0, 164).high:.1f} points for HumanEval" in PAGE
    assert f"{questions_to_exclude(0.01)} questions are needed" in PAGE

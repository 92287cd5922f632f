"""The control chart: limits from the same setup only, marks on the paper, SVG that parses, PNG that is one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from tests.unit.reporting.making import NOON, change
from tests.unit.reporting.test_history import point, row

from evallab.analysis.history import two_sigma
from evallab.api.errors import UsageError
from evallab.reporting import drawing
from evallab.reporting.chart import ALARM, BAD, BAND, HEIGHT, WIDTH, Box, Dot, Line, Words, marks
from evallab.reporting.drawing import png, svg
from evallab.reporting.history import History, Point, plot, render, rule
from evallab.reporting.paper import Paper

VALUES = [0.70, 0.72, 0.71, 0.69, 0.70, 0.71, 0.60]


def series() -> History:
    """Seven jobs of one setup, the last one far below; then one of another setup."""
    rows = [row(days, value=value) for days, value in enumerate(VALUES)]
    rows.append(row(7, value=0.71, setup_key="other"))
    points = [
        point(each.value, ended_at=NOON + timedelta(days=days), rule=rule(rows, each)) for days, each in enumerate(rows)
    ]
    points[6] = replace(points[6], comparison=change("REGRESSION", delta=-0.11))
    points[7] = replace(points[7], setup_changes=("server version",), validity="invalid")
    return History(
        name="tiny",
        benchmark="harness/sums<&>",
        metric="acc",
        filter="none",
        question_key="aa",
        limited=False,
        others=0,
        points=tuple(points),
    )


def test_limits_are_those_of_the_valid_scores_before_of_the_same_setup() -> None:
    rows = [row(days, value=value) for days, value in enumerate(VALUES)]
    rows[2] = replace(rows[2], validity="invalid", value=0.1)
    rows[3] = replace(rows[3], validity="degraded", value=0.2)
    rows.append(row(7, value=0.7, setup_key="other"))
    assert rule(rows, rows[6]).n == 4
    assert rule(rows, rows[7]).n == 0
    whole = [row(days, value=value) for days, value in enumerate(VALUES)]
    assert rule(whole, whole[6]) == two_sigma(VALUES[:6], 0.60)
    assert rule(whole, whole[6]).alarm is True
    low, high = rule(whole, whole[6]).limits or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.6840, 0.7260)


def test_the_chart_marks_limits_alarms_regressions_and_changes_of_setup() -> None:
    drawn = marks(series())
    assert len([each for each in drawn if isinstance(each, Box) and each.color == BAND]) == 2 + 1  # and in the legend
    assert len([each for each in drawn if isinstance(each, Dot) and each.color == ALARM]) == 1 + 1
    assert len([each for each in drawn if isinstance(each, Dot) and each.color == BAD]) == 1 + 1
    assert len([each for each in drawn if isinstance(each, Line) and each.dashed]) == 1
    texts = [each.text for each in drawn if isinstance(each, Words)]
    assert "setup: server version" in texts
    assert any(
        "limits: mean ± 2σ of the valid jobs before (false alarms: up to 7.1 % of jobs)" in each for each in texts
    )


def test_everything_lies_on_the_paper() -> None:
    one = replace(series(), points=(point(0.5, ci_low=None, ci_high=None),))
    for each in (*marks(series()), *marks(one)):
        corners = [("x1", "y1"), ("x2", "y2")] if isinstance(each, Line) else [("x", "y")]
        for x, y in corners:
            assert 0 <= getattr(each, x) <= WIDTH
            assert 0 <= getattr(each, y) <= HEIGHT


def test_svg_is_xml_that_holds_texts_as_texts() -> None:
    tree = ElementTree.fromstring(svg(marks(series())))  # noqa: S314 - we wrote it ourselves
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "tiny on harness/sums<&>, acc"
    assert {each.tag.rpartition("}")[2] for each in tree} == {"rect", "line", "circle", "text"}


def test_png(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    file = tmp_path / "chart.png"
    file.write_bytes(png(marks(series())))
    with image.open(file) as found:
        assert (found.format, found.size) == ("PNG", (2 * WIDTH, 2 * HEIGHT))
        colours = {colour for _, colour in found.convert("RGB").getcolors(1_000_000)}
    assert {tuple(bytes.fromhex(each[1:])) for each in (BAND, ALARM, BAD)} <= colours


def test_a_png_without_pillow_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(drawing, "import_module", missing)
    with pytest.raises(UsageError, match="A PNG needs Pillow, which is not installed") as raised:
        png([])
    assert raised.value.remedy == "Install the package pillow, or use --svg FILE."


def held(score: float) -> Point:
    return point(score, rule=two_sigma([0.70, 0.72, 0.71, 0.69, 0.70], score))


def test_limits_are_drawn_in_the_terminal_too() -> None:
    assert plot([held(0.6), held(0.7)], unicode=False) == ["--------o-----:-- :", "        ------:-o-:------"]
    assert plot([held(0.7)], unicode=True, cells=9) == ["───┊●┊───"]


def test_a_narrow_terminal_without_unicode_gets_two_tables() -> None:
    lines = render(series(), Paper(width=60, unicode=False)).splitlines()
    assert max(map(len, lines)) <= 60
    text = "\n".join(lines)
    assert text.count("Time ") == 2
    assert "2s rule" in text
    assert "ALARM" in text
    assert text.isascii()


def test_no_color_has_no_escape() -> None:
    assert "\x1b" not in render(series(), Paper(width=160, color=False))
    assert "\x1b" in render(series(), Paper(width=160, color=True))

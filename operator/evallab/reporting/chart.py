"""The series of scores as a control chart: where each mark lies. `drawing` writes it as SVG or PNG.

Jobs stand side by side in their order, equally far apart; each has its score, its 95 % interval, and as a band the
limits of the 2σ rule that held when it ended. A dashed line stands where the setup changed: limits begin anew there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise
from math import floor, log10
from typing import Literal

from evallab.reporting import figures
from evallab.reporting.history import History, Point, title

WIDTH, HEIGHT = 960, 460
LEFT, RIGHT, TOP, BOTTOM = 72, 24, 76, 92
INK, PALE, BAND, GRID = "#1f2933", "#7b8794", "#dbeafe", "#e4e7eb"
GOOD, BAD, ALARM = "#2563eb", "#dc2626", "#d97706"
MOST_DATES = 8
SETUP_TEXT = 34  #: characters


@dataclass(frozen=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    color: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    color: str


@dataclass(frozen=True)
class Dot:
    """A disc, or a ring."""

    x: float
    y: float
    radius: float
    color: str
    filled: bool = True


@dataclass(frozen=True)
class Words:
    """A line of text; `y` is its base line."""

    x: float
    y: float
    text: str
    size: int = 12
    color: str = INK
    anchor: Literal["start", "middle", "end"] = "start"


Mark = Line | Box | Dot | Words


def marks(found: History) -> list[Mark]:
    """Lay the chart out, what lies behind first."""
    points = found.points
    ticks = _ticks(points)
    low, high = ticks[0], ticks[-1]
    step = (WIDTH - LEFT - RIGHT) / len(points)

    def x(place: int) -> float:
        return LEFT + (place + 0.5) * step

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    return [
        Box(0, 0, WIDTH, HEIGHT, "#ffffff"),
        *_head(found),
        *(mark for place, point in enumerate(points) for mark in _band(point, x(place), step, y)),
        *_axis(ticks, y),
        *(mark for place, point in enumerate(points) for mark in _change(point, x(place) - step / 2)),
        *_line(points, x, y),
        *(mark for place, point in enumerate(points) for mark in _point(point, x(place), y)),
        *_dates(points, x),
        *_legend(points),
    ]


def _head(found: History) -> Iterator[Mark]:
    yield Words(LEFT, 26, title(found), size=16)
    rates = [point.rule.false_alarms for point in found.points if point.rule.false_alarms]
    said = f"{figures.count(len(found.points), 'job')}, 95 % intervals{', limited runs' if found.limited else ''}"
    if rates:
        said += f"; limits: mean ± 2σ of the valid jobs before (false alarms: up to {100 * max(rates):.1f} % of jobs)"
    yield Words(LEFT, 46, said, color=PALE)


def _band(point: Point, x: float, step: float, y: Callable[[float], float]) -> Iterator[Mark]:
    if point.rule.limits and point.rule.mean is not None:
        low, high = point.rule.limits
        yield Box(x - step / 2, y(high), step, y(low) - y(high), BAND)
        yield Line(x - step / 2, y(point.rule.mean), x + step / 2, y(point.rule.mean), "#93c5fd")


def _axis(ticks: Sequence[float], y: Callable[[float], float]) -> Iterator[Mark]:
    decimals = max(0, -floor(log10(ticks[1] - ticks[0]) + 1e-9))
    for tick in ticks:
        yield Line(LEFT, y(tick), WIDTH - RIGHT, y(tick), GRID)
        yield Words(LEFT - 8, y(tick) + 4, f"{tick:.{decimals}f}".replace("-", "−"), color=PALE, anchor="end")


def _change(point: Point, x: float) -> Iterator[Mark]:
    if point.setup_changes:
        said = f"setup: {', '.join(point.setup_changes)}"
        yield Line(x, TOP - 8, x, HEIGHT - BOTTOM, PALE, dashed=True)
        shown = said if len(said) <= SETUP_TEXT else f"{said[: SETUP_TEXT - 1]}…"
        late = x > WIDTH - 240
        yield Words(x - 4 if late else x + 4, TOP - 2, shown, 11, PALE, "end" if late else "start")


def _line(points: Sequence[Point], x: Callable[[int], float], y: Callable[[float], float]) -> Iterator[Mark]:
    usable = [(x(place), y(point.score)) for place, point in enumerate(points) if point.validity != "invalid"]
    for (x1, y1), (x2, y2) in pairwise(usable):
        yield Line(x1, y1, x2, y2, "#9fb3c8", 1.5)


def _point(point: Point, x: float, y: Callable[[float], float]) -> Iterator[Mark]:
    invalid = point.validity == "invalid"
    color = PALE if invalid else _color(point)
    if point.ci_low is not None and point.ci_high is not None:
        for end in (point.ci_low, point.ci_high):
            yield Line(x - 4, y(end), x + 4, y(end), color, 1.5)
        yield Line(x, y(point.ci_low), x, y(point.ci_high), color, 1.5)
    if point.rule.alarm:
        yield Dot(x, y(point.score), 8.5, ALARM, filled=False)
    yield Dot(x, y(point.score), 4.5, "#ffffff" if invalid else color)
    if invalid:
        yield Dot(x, y(point.score), 4.5, PALE, filled=False)


def _color(point: Point) -> str:
    return BAD if point.comparison and point.comparison.verdict == "REGRESSION" else GOOD


def _dates(points: Sequence[Point], x: Callable[[int], float]) -> Iterator[Mark]:
    every = -(-len(points) // MOST_DATES)
    for place in range(0, len(points), every):
        moment = points[place].ended_at.astimezone(UTC)
        yield Words(x(place), HEIGHT - BOTTOM + 20, f"{moment:%Y-%m-%d}", 11, PALE, "middle")
        yield Words(x(place), HEIGHT - BOTTOM + 34, f"{moment:%H:%M}", 11, PALE, "middle")


def _legend(points: Sequence[Point]) -> Iterator[Mark]:
    """Explain what is drawn, and nothing else."""
    y, x = HEIGHT - 18.0, float(LEFT)
    verdicts = {point.comparison.verdict for point in points if point.comparison}
    rules = [point.rule for point in points if point.rule.limits]
    shown: list[tuple[bool, Mark, str]] = [
        (True, Dot(x, y - 4, 4.5, GOOD), "score"),
        ("REGRESSION" in verdicts, Dot(x, y - 4, 4.5, BAD), "REGRESSION against the job before"),
        (any(p.validity == "invalid" for p in points), Dot(x, y - 4, 4.5, PALE, filled=False), "invalid"),
        (any(each.alarm for each in rules), Dot(x, y - 4, 6, ALARM, filled=False), "2σ alarm"),
        (bool(rules), Box(x - 5, y - 10, 10, 12, BAND), "2σ limits"),
    ]
    for wanted, mark, text in shown:
        if wanted:
            yield _moved(mark, x - LEFT)
            yield Words(x + 12, y, text, color=PALE)
            x += 12 + 7 * len(text) + 26


def _moved(mark: Mark, by: float) -> Mark:
    if isinstance(mark, Box):
        return Box(mark.x + by, mark.y, mark.width, mark.height, mark.color)
    if isinstance(mark, Dot):
        return Dot(mark.x + by, mark.y, mark.radius, mark.color, mark.filled)
    return mark


def _ticks(points: Sequence[Point]) -> list[float]:
    """Return four to eight round numbers that hold everything drawn."""
    ends = [
        end
        for point in points
        for end in (point.score, point.ci_low, point.ci_high, *(point.rule.limits or ()))
        if end is not None
    ]
    width = max(ends) - min(ends) or max(abs(ends[0]), 1e-6) * 0.1
    power = 10.0 ** floor(log10(width / 4))
    step = next(power * each for each in (1, 2, 5, 10) if width / (power * each) <= 6)
    first, last = floor(min(ends) / step + 1e-9), -floor(-max(ends) / step + 1e-9)
    return [place * step for place in range(first, max(last, first + 1) + 1)]

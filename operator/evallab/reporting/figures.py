"""How numbers are written, everywhere the same: scores 0.915, changes of proportions in points, intervals in brackets.

Called by the tables and notes. A proportion is a score in 0..1; its differences are shown in points (0.01 is one
point), those of other metrics (perplexity, BLEU out of 100) in the metric's own unit. The minus sign is "−", made ASCII
by `Paper`.
"""

from collections.abc import Sequence

Pair = tuple[str, str]


def is_proportion(*values: float | None) -> bool:
    """Say whether all given numbers lie in 0..1 (None says nothing)."""
    return all(value is None or 0 <= value <= 1 for value in values)


def score(value: float) -> str:
    """Write a score: three decimals, always, so that they line up."""
    return f"{value:.3f}".replace("-", "−")


def signed(value: float, decimals: int) -> str:
    """Write a number with its sign; what rounds to nothing has none."""
    text = f"{value:+.{decimals}f}".replace("-", "−")
    return text[1:] if not float(f"{value:.{decimals}f}") else text


def difference(value: float, *, points: bool) -> str:
    """Write a difference without its unit: "−11.0" points, or "−0.310" in the metric's unit."""
    return signed(100 * value, 1) if points else signed(value, 3)


def amount(value: float | None, *, points: bool) -> str:
    """Write a size (a margin, what can be detected) with its unit: "4.2 pt", or "0.310"."""
    if value is None:
        return "unknown"
    return f"{100 * value:.1f} pt" if points else score(value)


def p_value(value: float | None, *, name: str = "p") -> str:
    """Write a p-value as people read it; `name` is "q" for a corrected one."""
    if value is None:
        return f"{name} unknown"
    return f"{name} < 0.001" if value < 0.001 else f"{name} = {value:.3f}"


def count(number: int, noun: str) -> str:
    """Write "1 question", "2 questions"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def intervals(pairs: Sequence[Pair | None]) -> list[str]:
    """Write a column of intervals, their ends lined up; None becomes ""."""
    low = max((len(pair[0]) for pair in pairs if pair), default=0)
    high = max((len(pair[1]) for pair in pairs if pair), default=0)
    return [f"[{pair[0]:>{low}}, {pair[1]:>{high}}]" if pair else "" for pair in pairs]


def right(cells: Sequence[str]) -> list[str]:
    """Line cells up at their right end."""
    width = max((len(cell) for cell in cells), default=0)
    return [cell.rjust(width) for cell in cells]


def metric(name: str, filter_: str) -> str:
    """Write a metric with its filter, if it has one."""
    return name if filter_ in {"", "none"} else f"{name},{filter_}"


def known(number: int | None) -> str:
    """Write a whole number, or "–" where it is not known."""
    return "–" if number is None else str(number)

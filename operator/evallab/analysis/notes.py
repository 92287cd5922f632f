"""The sentences beside a verdict: what a reader would otherwise conclude wrongly. Called by `verdicts` only."""

from dataclasses import dataclass
from math import ceil

from evallab.analysis.intervals import Interval
from evallab.analysis.paired import questions_to_exclude, smallest_detectable

FEW_GROUPS = 20  #: below that many, clustered standard errors are somewhat too small (Cameron & Miller 2015)


@dataclass(frozen=True)
class Seen:
    """What the sentences depend on; `bounded` means that all scores lie in 0..1, so that 0.01 is called a point."""

    n: int
    only_baseline: int
    only_candidate: int
    changed: int
    bounded: bool
    binary: bool
    interval: Interval | None
    spread: float | None
    margin: float
    level: float
    groups: int | None = None


def note(seen: Seen, *, decided: bool) -> str:
    """Return the sentences that apply, joined by "; ", or "" when the numbers speak for themselves."""
    sentences = [_left_out(seen), _grouped(seen), _unchanged(seen, decided=decided), _unbounded(seen), _margin(seen)]
    if not decided:
        sentences.append(_power(seen))
    return "; ".join(sentence for sentence in sentences if sentence)


def _left_out(seen: Seen) -> str:
    if not seen.only_baseline + seen.only_candidate:
        return ""
    return (
        f"only the {_count(seen.n, 'common question')} compared: "
        f"{seen.only_baseline} more in the baseline, {seen.only_candidate} more in the candidate"
    )


def _grouped(seen: Seen) -> str:
    if seen.groups is None:
        return ""
    if seen.groups == 1:
        return f"all {_count(seen.n, 'question')} are one group, so nothing bounds the difference on other groups"
    few = ", which are few: the interval is a rough one" if seen.groups < FEW_GROUPS else ""
    return f"{_count(seen.n, 'question')} in {seen.groups} groups{few}"


def _unchanged(seen: Seen, *, decided: bool) -> str:
    if seen.changed:
        return ""
    if decided:
        return f"no answer changed in {_count(seen.n, 'question')}, which excludes a loss of {_size(seen)}"
    if not seen.bounded or not 0 < seen.margin <= 1:
        return "no answer changed"
    noun = "question" if seen.groups is None else "group"
    needed = _count(questions_to_exclude(seen.margin, seen.level), noun)
    return f"no answer changed; {needed} would be needed to exclude a loss of {_size(seen)}"


def _unbounded(seen: Seen) -> str:
    if seen.interval is not None or seen.groups == 1:
        return ""
    return "all differences are equal and the scores are not confined to 0..1, so nothing bounds the true difference"


def _margin(seen: Seen) -> str:
    if not seen.binary or not 0 < seen.margin * seen.n < 1:
        return ""
    return f"one question is {100 / seen.n:.3g} points, more than the margin"


def _power(seen: Seen) -> str:
    """Say how many questions the margin takes, if these are too few and some answers did change."""
    if seen.interval is None or seen.spread is None or not seen.changed or not seen.margin:
        return ""
    ratio = smallest_detectable(seen.spread, seen.n, level=seen.level) / seen.margin
    if not 1 < ratio < 1e6:
        return ""
    needed = ceil(seen.n * ratio**2)
    return f"to detect a loss of {_size(seen)} about {needed} such questions would be needed"


def _size(seen: Seen) -> str:
    return _count(round(100 * seen.margin, 6), "point") if seen.bounded else f"{seen.margin:g}"


def _count(number: float, noun: str) -> str:
    return f"{number:g} {noun}" if number == 1 else f"{number:.10g} {noun}s"

"""The interval of a score from the values of its questions, and pass@k where questions were asked again.

Called when an attempt is recorded. What counts as one observation is decided here: answers to one question are
averaged first, and questions that are not independent (a cluster that the adapter named, or copies of one document) are
counted together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol

from evallab.analysis import clustered
from evallab.analysis.intervals import Interval, NotEnoughData, of_mean, wilson
from evallab.api.contract import Sample

NO_SAMPLES = "none: no samples"
CORPUS = "none: a corpus metric is computed over all answers at once, its samples have no values to draw again"
Bounded = tuple[Interval | None, str]


class Scored(Protocol):
    """What bounding needs of a score."""

    @property
    def kind(self) -> str:
        """`mean` or `corpus`."""


@dataclass
class Answers:
    """The values of one metric, question by question, in the order of the samples."""

    values: list[float] = field(default_factory=list)
    by_question: dict[int, list[float]] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)  #: of each question; equal where they are not independent
    clustered: bool = False  #: the adapter named clusters

    def note(self, sample: Sample, value: float) -> None:
        """Add the value of a sample."""
        self.values.append(value)
        self.by_question.setdefault(sample.doc_id, []).append(value)
        self.groups[sample.doc_id] = group(sample)
        self.clustered |= sample.cluster is not None

    @property
    def questions(self) -> int:
        """How many questions have a value."""
        return len(self.by_question)

    def means(self) -> dict[int, float]:
        """Return the value of each question: the mean of its answers."""
        return {each: values[0] if len(values) == 1 else fmean(values) for each, values in self.by_question.items()}

    def fewest(self) -> int:
        """Return how often each question was answered at least."""
        return min(map(len, self.by_question.values()), default=0)


def group(sample: Sample) -> str:
    """Name what a question belongs to: its cluster, else itself, so that copies of a document are one."""
    return f"cluster {sample.cluster}" if sample.cluster is not None else f"{sample.doc_hash} {sample.prompt_hash}"


def bounded(score: Scored, answers: Answers | None) -> Bounded:
    """Return a 95 % interval and its method, or None and the reason."""
    if score.kind == "corpus":
        return None, CORPUS
    if answers is None:
        return None, NO_SAMPLES
    return of_questions(answers.means(), answers)


def of_questions(means: Mapping[int, float], answers: Answers) -> Bounded:
    """Bound the mean of the questions' values: by groups where some share one, else question by question."""
    values, names = list(means.values()), [answers.groups[each] for each in means]
    count = len(set(names))
    if count == len(values):
        interval = of_mean(values)
        return (interval, interval.method) if interval else (None, _without(values))
    what = _what(len(values), count, named=answers.clustered)
    if count == 1:
        return None, f"none: {what}"
    try:
        return clustered.interval(values, names), f"clustered: {what}"
    except NotEnoughData:
        return _of_equal_groups(values, count, what)


def pass_at_k(answers: Answers) -> tuple[int, dict[int, float]] | None:
    """Return k and each question's pass@k, k being how often each was asked; None unless right or wrong, repeatedly."""
    k = answers.fewest()
    if k < 2 or not set(answers.values) <= {0.0, 1.0}:
        return None
    estimates = {
        question: clustered.pass_at_k(len(values), round(sum(values)), k)
        for question, values in answers.by_question.items()
    }
    return k, estimates


def _without(values: list[float]) -> str:
    if len(values) == 1:
        return "none: one sample"
    return f"none: all {len(values)} values are equal, so nothing says how much others would differ"


def _of_equal_groups(values: list[float], count: int, what: str) -> Bounded:
    """Groups that do not differ: all right or all wrong has the interval of as many questions as there are groups."""
    if set(values) <= {0.0, 1.0} and len(set(values)) == 1:
        return wilson(count if values[0] else 0, count), f"wilson: {what}"
    return None, f"none: {what}, which do not differ"


def _what(questions: int, groups: int, *, named: bool) -> str:
    if not named:
        copies = questions - groups
        if groups == 1:
            return f"all {questions} questions are copies of one"
        return f"{copies} of {questions} questions {'is a copy' if copies == 1 else 'are copies'} of others"
    return f"{questions} questions in {groups} group{'' if groups == 1 else 's'}"

"""The table of questions: one line each, with the beginning of the answer. Called by `evallab samples`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from evallab.reporting import figures
from evallab.reporting.lines import answer_line, first_line, fitted
from evallab.reporting.paper import Column, Paper
from evallab.store.interface import SampleRow, ScoreRow


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One question: its row, its primary score, and its texts ({} where none are kept)."""

    row: SampleRow
    score: float | None
    texts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The question's id, with the repeat when it was asked again."""
        return f"{self.row.doc_id}.{self.row.repeat}" if self.row.repeat else str(self.row.doc_id)


def answered(row: SampleRow, primary: ScoreRow | None) -> Answered:
    """Attach the primary score of a question."""
    return Answered(row=row, score=row.scores.get((primary.metric, primary.filter)) if primary else None)


def is_wrong(question: Answered, primary: ScoreRow | None) -> bool:
    """Say whether a question was answered wrongly: with score 0, or above 0 where lower is better."""
    if question.score is None:
        return False
    higher_is_better = primary is None or primary.higher_is_better
    return question.score <= 0 if higher_is_better else question.score > 0


def render(found: Sequence[Answered], paper: Paper) -> str:
    """Draw the table of questions."""
    columns = [
        Column("Question", [question.id for question in found], "right"),
        Column("Score", ["–" if question.score is None else f"{question.score:g}" for question in found], "right"),
        Column("Tokens", [figures.known(question.row.completion_tokens) for question in found], "right"),
        Column("Latency", [_latency(question.row) for question in found], "right"),
    ]
    room = max(20, (paper.width or 200) - sum(column.width + 2 for column in columns))
    return paper.table([*columns, Column("Answer", [fitted(_answer(question), room) for question in found])])


def _latency(row: SampleRow) -> str:
    return "–" if row.latency_ms is None else f"{row.latency_ms:,.0f} ms"


def _answer(question: Answered) -> str:
    if question.row.error:
        return f"error: {first_line(question.row.error)}"
    return answer_line(question.texts.get("response"))

"""Two jobs side by side: the table of changes, and the answers that flipped. Called by `evallab diff`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evallab.reporting import figures
from evallab.reporting.columns import change_columns
from evallab.reporting.lines import answer_line, fitted
from evallab.reporting.notes import of_change
from evallab.reporting.paper import Column, Paper
from evallab.reporting.report import Change
from evallab.reporting.verdict import style
from evallab.store.interface import Pairable


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One benchmark of the job against the baseline's."""

    index: int
    provider: str
    id: str
    comparison: Change


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One question whose score differs; the answers are None where no texts are kept."""

    doc_id: int
    repeat: int
    before: float
    after: float
    baseline_response: str | None = None
    response: str | None = None

    def told(self, baseline_response: str | None, response: str | None) -> "Flip":
        """Return it with both answers."""
        return replace(self, baseline_response=baseline_response, response=response)


def flips(before: Pairable, after: Pairable) -> list[Flip]:
    """Return the questions that both answered with different scores, the greatest loss first."""
    old = dict(zip(before.keys, before.values, strict=True))
    found = [
        Flip(doc_id=key[0], repeat=key[1], before=was, after=now)
        for key, now in zip(after.keys, after.values, strict=True)
        if now is not None and (was := old.get(key)) is not None and was != now
    ]
    return sorted(found, key=lambda flip: (flip.after - flip.before, flip.doc_id, flip.repeat))


def render_changes(compared: Sequence[Compared], paper: Paper) -> str:
    """Draw the table of changes with its notes; in two where it is too wide."""
    changes = [each.comparison for each in compared]
    label = Column("Benchmark", [each.id for each in compared])
    scores = [
        Column("Metric", [figures.metric(change.metric, change.filter) for change in changes]),
        Column("Baseline", figures.right([figures.score(change.baseline_value) for change in changes]), "right"),
        Column("Score", figures.right([figures.score(change.value) for change in changes]), "right"),
        Column("n", [str(change.n) for change in changes], "right"),
    ]
    deltas = [*change_columns(changes), Column("Verdict", [change.verdict for change in changes], style=style)]
    notes = [(each.id, line) for each in compared for line in of_change(each.comparison)]
    head = f"Compared with {', '.join(dict.fromkeys(_baseline(change) for change in changes))}"
    return "\n\n".join([paper.plain(head), *paper.tables(label, scores, deltas), paper.notes(notes)])


def render_flips(found: Sequence[Flip], paper: Paper) -> str:
    """Draw the flipped answers, the first line of each."""
    ids = [f"{flip.doc_id}.{flip.repeat}" if flip.repeat else str(flip.doc_id) for flip in found]
    scores = [f"{flip.before:g} → {flip.after:g}" for flip in found]
    taken = max(map(len, ["Question", *ids])) + max(map(len, ["Score", *scores])) + 6
    room = max(20, ((paper.width or 200) - taken) // 2)
    return paper.table(
        [
            Column("Question", ids, "right"),
            Column("Score", scores),
            Column("Baseline's answer", [fitted(answer_line(flip.baseline_response), room) for flip in found]),
            Column("Answer", [fitted(answer_line(flip.response), room) for flip in found]),
        ]
    )


def _baseline(change: Change) -> str:
    return f"{change.baseline_name} ({change.baseline_job[:8]})" if change.baseline_name else change.baseline_job[:8]

"""Two jobs side by side: the table of changes, and the answers that changed. Called by `evallab diff`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from evallab.reporting import figures, words
from evallab.reporting.columns import change_columns
from evallab.reporting.lines import answer_line, answer_text, fitted, last_lines, last_part, printable
from evallab.reporting.notes import correction, of_change
from evallab.reporting.paper import Column, Paper
from evallab.reporting.report import Change
from evallab.reporting.verdict import style
from evallab.store.interface import Pairable

Kind = Literal["regressed", "improved", "changed"]  #: the score fell, rose, or only the text is another
KINDS: tuple[Kind, ...] = ("regressed", "improved", "changed")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One benchmark of the job against the baseline's."""

    index: int
    provider: str
    id: str
    comparison: Change


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One question that was answered otherwise; the texts are None where none are kept."""

    index: int  #: of the benchmark
    doc_id: int
    repeat: int
    kind: Kind
    before: float
    after: float
    prompt: str | None = None
    target: str | None = None
    baseline_response: str | None = None
    response: str | None = None

    def told(self, before: dict[str, Any], after: dict[str, Any]) -> "Flip":
        """Return it with the texts of both samples."""
        return replace(
            self,
            prompt=_text(after.get("prompt")),
            target=_text(after.get("target")),
            baseline_response=before.get("response"),
            response=after.get("response"),
        )

    @property
    def id(self) -> str:
        """The question's id, with the repeat when it was asked again."""
        return f"{self.doc_id}.{self.repeat}" if self.repeat else str(self.doc_id)

    @property
    def scores(self) -> str:
        """Both scores."""
        return f"{self.before:g} → {self.after:g}"

    @property
    def reads_the_same(self) -> bool:
        """True when a reader would see no difference: other log-likelihoods, but the same choice."""
        pair = answer_text(self.baseline_response), answer_text(self.response)
        return pair[0] is not None and pair[0] == pair[1]


def flips(before: Pairable, after: Pairable, *, index: int, higher_is_better: bool = True) -> list[Flip]:
    """Return the questions with another score or answer: the greatest loss first, at last where only texts differ."""
    old = {key: (was, text) for key, was, text in zip(before.keys, before.values, before.response_hashes, strict=True)}
    sign = 1 if higher_is_better else -1
    found = []
    for key, now, text in zip(after.keys, after.values, after.response_hashes, strict=True):
        was, old_text = old.get(key, (None, None))
        if now is None or was is None or (was == now and old_text == text):
            continue
        kind: Kind = "changed" if was == now else "regressed" if sign * (now - was) < 0 else "improved"
        found.append(Flip(index=index, doc_id=key[0], repeat=key[1], kind=kind, before=was, after=now))
    return sorted(
        found, key=lambda flip: (KINDS.index(flip.kind), sign * (flip.after - flip.before), flip.doc_id, flip.repeat)
    )


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
    notes += correction(changes)
    head = f"Compared with {', '.join(dict.fromkeys(_baseline(change) for change in changes))}"
    return "\n\n".join([paper.plain(head), *paper.tables(label, scores, deltas), paper.notes(notes)])


def render_flips(found: Sequence[Flip], paper: Paper) -> str:
    """Draw the changed answers, the first line of each."""
    ids = [flip.id for flip in found]
    scores = [flip.scores for flip in found]
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


def render_words(found: Sequence[Flip], paper: Paper) -> str:
    """Draw the changed answers whole: what was asked and expected, and both answers in one, word by word."""
    return "\n\n".join(_in_words(flip, paper) for flip in found)


def _in_words(flip: Flip, paper: Paper) -> str:
    drawn = Table.grid(padding=(0, 2, 0, 0))
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    drawn.add_row(Text(f"Question {flip.id}", "bold"), Text(f"{flip.scores}, {flip.kind}"))
    drawn.add_row(Text("asked"), Text("–" if flip.prompt is None else last_part(flip.prompt, lines=6)))
    drawn.add_row(Text("expected"), Text(last_lines(flip.target, 3)))
    pieces = words.compared(printable(answer_text(flip.baseline_response)), printable(answer_text(flip.response)))
    drawn.add_row(Text("answer"), words.coloured(pieces) if paper.color else Text(words.plain(pieces)))
    return paper.text(drawn)


def _text(value: object) -> str | None:
    """Return a prompt as text: as it is, or a conversation, its turns one below the other."""
    if value is None or isinstance(value, str):
        return value
    turns = value if isinstance(value, list) else [value]
    return "\n\n".join(_turn(turn) for turn in turns)


def _turn(turn: object) -> str:
    if isinstance(turn, dict) and {"role", "content"} <= turn.keys():
        return f"{turn['role']}: {turn['content']}"
    return str(turn)


def _baseline(change: Change) -> str:
    return f"{change.baseline_name} ({change.baseline_job[:8]})" if change.baseline_name else change.baseline_job[:8]

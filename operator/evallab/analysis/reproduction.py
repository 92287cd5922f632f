"""Did running the same thing again give the same? Called by `evallab reproduce`.

Three answers: `bitwise` (every response is the same, byte by byte), `within` (answers differ, by no more than chance
and a small window explain), `non-reproducible`. Flips are always shown: a score can be equal by luck.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evallab.analysis.paired import contingency, mcnemar_mid_p, sign_flip_p
from evallab.analysis.questions import Question, join
from evallab.analysis.vectors import is_binary

Verdict = Literal["bitwise", "within", "non-reproducible"]
WINDOW = 0.005  #: half a point; but never less than one question


@dataclass(frozen=True)
class Reproduction:
    """What a repetition of `n` questions showed: `flips` are scores that changed, `texts` responses that changed."""

    verdict: Verdict
    n: int
    texts: int
    flips: int
    delta: float
    window: float
    p_value: float
    why: str


def reproduce(
    first: Mapping[Question, float],
    again: Mapping[Question, float],
    *,
    hashes: Sequence[tuple[str | None, str | None]],
    window: float = WINDOW,
    seed: int = 1234,
) -> Reproduction:
    """Judge a repetition: scores by question, and the hashes of each question's two responses (None: unknown).

    `within`: |Δ| ≤ max(window, 1/n) and the paired test (McNemar mid-p, else sign flips) does not reject at 5 %.
    ValueError when the questions differ, or there are none.
    """
    joined = join(first, again)
    n = int(joined.baseline.size)
    differences = joined.candidate - joined.baseline
    flips, delta = int((differences != 0).sum()), float(differences.mean())
    texts = sum(one is None or one != two for one, two in hashes)
    allowed = max(window, 1 / n)
    binary = is_binary(joined.baseline, joined.candidate)
    table = contingency(joined.baseline, joined.candidate) if binary else None
    p_value = mcnemar_mid_p(table.lost, table.gained) if table else sign_flip_p(differences, seed=seed)
    verdict, why = _judge(texts, flips, abs(delta), allowed, p_value)
    return Reproduction(verdict, n, texts, flips, delta, allowed, p_value, why)


def _judge(texts: int, flips: int, size: float, allowed: float, p_value: float) -> tuple[Verdict, str]:
    if not texts and not flips:
        return "bitwise", "every response is the same"
    if size > allowed + 1e-12:
        return "non-reproducible", f"the score moved by {100 * size:.3g} points, the window is {100 * allowed:.3g}"
    if p_value <= 0.05:
        return "non-reproducible", f"the answers changed in one direction more than chance does (p = {p_value:.2g})"
    return "within", f"{texts} responses differ, {flips} scores flipped, as chance does"

"""What the fixed prompts of the canary were answered, and how two passes over them differ.

A pass asks all prompts once. `compare` says whether the same model, template, sampling and limits gave both answers;
`canary` makes a verdict of it. Two limits are facts about numbers: logits of 16 to 32 in bfloat16 (8 bits of
significand) lie 0.125 apart, so honest rounding moves a log-probability by up to two such steps, and only between
tokens that are no further apart can it change the choice (docs/explanation/canary.md has the measurements).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

Name = Literal["alone", "at_once", "again"]
NAMES: tuple[Name, ...] = ("alone", "at_once", "again")
Outcome = Literal["identical", "numeric_drift", "changed", "unknown"]
SAME = 1e-5  #: log-probabilities no further apart are equal
ROUNDING = 0.25  #: log-probabilities further apart are no rounding, nor is another token that was further behind


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one prompt was answered. What the server does not give is None."""

    text: str = ""
    tokens: tuple[str, ...] | None = None
    logprobs: tuple[float | None, ...] | None = None
    gaps: tuple[float | None, ...] | None = None  #: how far the likeliest token was ahead of the next, per position
    finish: str | None = None
    prompt_tokens: int | None = None
    refused: int | None = None  #: the HTTP status of a server that refuses this prompt, such as one that is too long
    twin: int | None = None  #: of a prompt sampled as the server likes: where the same prompt is asked greedily

    def says(self) -> Sequence[str]:
        """Return what was said: tokens where they are known, else the text."""
        return self.tokens if self.tokens is not None else (self.text,)


@dataclass(frozen=True, kw_only=True)
class Pass:
    """All prompts asked once; answers that did not come are None, and `missing` says why."""

    prompts: str  #: the version of the prompts
    route: str = ""  #: chat or completions; "" where nothing was answered
    detail: str = ""  #: token ids, tokens or text: what there is to compare
    context: int | None = None  #: how many tokens the server says it takes
    answers: tuple[Answer | None, ...] = ()
    missing: str = ""
    seconds: float = 0.0

    @property
    def answered(self) -> int:
        """Count the prompts that were dealt with."""
        return sum(each is not None for each in self.answers)

    def to_json(self) -> dict[str, Any]:
        """Return the form that is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what was kept."""
        answers = tuple(None if each is None else _answer(each) for each in kept["answers"])
        return cls(**{**kept, "answers": answers})


def _answer(kept: Mapping[str, Any]) -> Answer:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()}
    return Answer(**fields)


@dataclass(frozen=True, kw_only=True)
class Found:
    """How two passes differ; `drift` is the largest difference of log-probabilities of equal tokens."""

    outcome: Outcome
    compared: int = 0
    differing: int = 0  #: prompts that were answered with other tokens
    drift: float = 0.0
    why: str = ""
    sampled: bool = False  #: of one prompt: both servers sampled, and drew other tokens


ORDER: tuple[Outcome, ...] = ("unknown", "identical", "numeric_drift", "changed")


def compare(before: Pass, now: Pass, unsteady: frozenset[int] = frozenset()) -> Found:
    """Compare what both passes have. `unsteady`: prompts whose answers differ also from moment to moment."""
    if said := _of_server(before, now):
        return Found(outcome="changed", why=said)
    found = [
        _prompt(place, (before, old), (now, new), unsteady)
        for place, (old, new) in enumerate(zip(before.answers, now.answers, strict=False))
        if old and new
    ]
    known = _without_echoes([each for each in found if each.outcome != "unknown"])
    if not known:
        return Found(outcome="unknown", why=now.missing or before.missing or "nothing can be compared")
    worst = max(known, key=lambda each: (ORDER.index(each.outcome), each.drift))
    return Found(
        outcome=worst.outcome,
        compared=len(known),
        differing=sum(each.differing for each in known),
        drift=max(each.drift for each in known),
        why=worst.why,
    )


def _without_echoes(found: list[Found]) -> list[Found]:
    """Take other draws for drift where log-probabilities drift anyway: the same seed then draws other tokens."""
    if not any(each.outcome == "numeric_drift" for each in found):
        return found
    return [replace(each, outcome="numeric_drift") if each.sampled else each for each in found]


def differing(one: Pass | None, other: Pass | None) -> frozenset[int]:
    """Return the prompts that two passes did not answer with the same words, or not both."""
    if one is None or other is None or len(one.answers) != len(other.answers):
        return frozenset(range(len((one or other or Pass(prompts="")).answers)))
    pairs = enumerate(zip(one.answers, other.answers, strict=True))
    return frozenset(place for place, (a, b) in pairs if a is None or b is None or a.says() != b.says())


def _of_server(before: Pass, now: Pass) -> str:
    """Say what is another server at first sight."""
    if before.route and now.route and before.route != now.route:
        return f"the server answers {now.route} now, and answered {before.route}"
    if before.context and now.context and now.context < before.context:
        return f"the server takes {now.context} tokens now, and took {before.context}"
    return ""


def _prompt(place: int, before: tuple[Pass, Answer], now: tuple[Pass, Answer], unsteady: frozenset[int]) -> Found:
    """Compare the answers to one prompt."""
    old, new = before[1], now[1]
    if changed := _at_first_sight(old, new):
        return Found(outcome="changed", compared=1, differing=1, why=f"prompt {place + 1} {changed}")
    if old.refused:
        return Found(outcome="identical", compared=1)
    if old.twin is not None and not (_greedy(*before) and _greedy(*now)):
        return _sampled(place, before, now, unsteady)
    if before[0].detail != now[0].detail or old.tokens is None or new.tokens is None:
        return _texts(place, old, new, unsteady)
    return _tokens(place, old, new)


def _at_first_sight(old: Answer, new: Answer) -> str:
    """Say what no rounding explains: a refusal, another number of tokens in the prompt."""
    if old.refused != new.refused:
        return f"is refused now (HTTP {new.refused})" if new.refused else f"was refused (HTTP {old.refused})"
    if old.prompt_tokens and new.prompt_tokens and old.prompt_tokens != new.prompt_tokens:
        return f"has {new.prompt_tokens} tokens now, and had {old.prompt_tokens}: another template, tokenizer or limit"
    return ""


def _greedy(asked: Pass, answer: Answer) -> bool:
    """Say whether a server that chooses the sampling itself took the likeliest tokens."""
    twin = asked.answers[answer.twin] if answer.twin is not None else None
    return twin is not None and twin.says() == answer.says()


def _sampled(place: int, before: tuple[Pass, Answer], now: tuple[Pass, Answer], unsteady: frozenset[int]) -> Found:
    """Compare answers that at least one server sampled: the seed makes them equal, unless it is not honoured."""
    if before[1].says() == now[1].says():
        return Found(outcome="identical", compared=1)
    both = _greedy(*before) == _greedy(*now)
    if both and place in unsteady:
        return Found(outcome="unknown", why="the server does not repeat itself when it samples")
    why = f"prompt {place + 1}, asked without a temperature, is sampled in another way"
    return Found(outcome="changed", compared=1, differing=1, why=why, sampled=both)


def _texts(place: int, old: Answer, new: Answer, unsteady: frozenset[int]) -> Found:
    if old.text == new.text and old.finish == new.finish:
        return Found(outcome="identical", compared=1)
    if place in unsteady:
        return Found(outcome="numeric_drift", compared=1, differing=1, why=f"prompt {place + 1} has no steady answer")
    return Found(outcome="changed", compared=1, differing=1, why=f"prompt {place + 1} has another answer")


def _tokens(place: int, old: Answer, new: Answer) -> Found:
    """Compare token by token up to the first that differs: what comes after it answers another prompt."""
    ours, theirs = old.tokens or (), new.tokens or ()
    common = next(_divergences(ours, theirs), min(len(ours), len(theirs)))
    drift = _drift(old, new, common)
    if drift > ROUNDING:
        why = f"prompt {place + 1} has the same tokens with log-probabilities {drift:.3f} apart"
        return Found(outcome="changed", compared=1, differing=int(ours != theirs), drift=drift, why=why)
    if ours == theirs and old.finish == new.finish:
        outcome: Outcome = "identical" if drift <= SAME else "numeric_drift"
        return Found(outcome=outcome, compared=1, drift=drift)
    return _diverged(place, old, new, common, drift)


def _diverged(place: int, old: Answer, new: Answer, common: int, drift: float) -> Found:
    """Judge the first other token: rounding decides between near equals only, and it cuts nothing off."""
    gaps = [gap for each in (old, new) if (gap := _at(each.gaps, common)) is not None]
    cut = len(old.tokens or ()) != len(new.tokens or ()) and "length" in _finish_of_shorter(old, new)
    if gaps and max(gaps) <= ROUNDING and not cut:
        why = f"prompt {place + 1} goes another way where two tokens were nearly equal"
        return Found(outcome="numeric_drift", compared=1, differing=1, drift=drift, why=why)
    why = f"prompt {place + 1} is {'cut off' if cut else 'answered'} differently from token {common + 1} on"
    return Found(outcome="changed", compared=1, differing=1, drift=drift, why=why)


def _finish_of_shorter(old: Answer, new: Answer) -> str:
    shorter = min(old, new, key=lambda each: len(each.tokens or ()))
    return shorter.finish or ""


def _divergences(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[int]:
    return (place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)


def _drift(old: Answer, new: Answer, common: int) -> float:
    pairs = zip((old.logprobs or ())[:common], (new.logprobs or ())[:common], strict=False)
    return max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0.0)


def _at(values: Sequence[float | None] | None, place: int) -> float | None:
    return values[place] if values is not None and place < len(values) else None

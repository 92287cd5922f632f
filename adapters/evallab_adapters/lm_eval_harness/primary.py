"""Which metric speaks for a benchmark: the harness has no such notion. Used by `scoring`; providers may say it too.

Order: what the job or its provider names; this registry of what the field reports; the first metric of the first
filter, marked as inferred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Key = tuple[str, str]  #: (metric, filter)

# The first pattern that matches the task's or group's name counts.
_REGISTRY: tuple[tuple[str, str, str], ...] = (
    ("gsm8k*", "exact_match", "strict-match"),
    ("truthfulqa_mc*", "acc", "none"),
    ("truthfulqa_gen", "bleu_acc", "none"),
    ("mmlu_pro*", "exact_match", "custom-extract"),
    ("mmlu*generative*", "exact_match", "*"),
    ("mmlu*", "acc", "none"),
    ("arc_*", "acc_norm", "none"),
    ("hellaswag*", "acc_norm", "none"),
    ("piqa*", "acc_norm", "none"),
    ("openbookqa*", "acc_norm", "none"),
    ("sciq*", "acc_norm", "none"),
    ("winogrande*", "acc", "none"),
    ("boolq*", "acc", "none"),
    ("copa", "acc", "none"),
    ("commonsense_qa*", "acc", "none"),
    ("social_iqa", "acc", "none"),
    ("logiqa*", "acc_norm", "none"),
    ("mathqa*", "acc_norm", "none"),
    ("medqa*", "acc_norm", "none"),
    ("medmcqa*", "acc_norm", "none"),
    ("pubmedqa*", "acc", "none"),
    ("race", "acc", "none"),
    ("lambada*", "acc", "none"),
    ("wikitext*", "word_perplexity", "none"),
    ("ifeval*", "prompt_level_strict_acc", "none"),
    ("leaderboard_ifeval", "prompt_level_strict_acc", "none"),
    ("minerva_math*", "math_verify", "none"),
    ("hendrycks_math*", "exact_match", "none"),
    ("triviaqa*", "exact_match", "remove_whitespace"),
    ("nq_open*", "exact_match", "remove_whitespace"),
    ("drop*", "f1", "none"),
    ("squadv2*", "f1", "none"),
    ("bbh*", "exact_match", "*"),
    ("gpqa*_zeroshot", "acc_norm", "none"),
    ("gpqa*_n_shot", "acc_norm", "none"),
    ("gpqa*cot*", "exact_match", "flexible-extract"),
    ("humaneval*", "pass@1", "create_test"),
    ("mbpp*", "pass_at_1", "*"),
)


@dataclass(frozen=True)
class Primary:
    """The chosen metric, and who chose it."""

    metric: str
    filter: str
    source: Literal["job", "registry", "inferred"]


def choose(benchmark: str, available: Sequence[Key], asked: str | None) -> Primary | None:
    """Choose among what was measured (in the harness's order); None when nothing was."""
    if asked and (found := _asked(benchmark, available, asked)):
        return Primary(*found, "job")
    if registered := _registered(benchmark, available):
        return Primary(*registered, "registry")
    return Primary(*available[0], "inferred") if available else None


def _asked(benchmark: str, available: Sequence[Key], asked: str) -> Key | None:
    metric, comma, name = asked.rpartition(",")
    if comma and (metric, name) in available:
        return metric, name
    candidates = [key for key in available if key[0] == asked]
    registered = _registered(benchmark, candidates)
    return registered or (candidates[0] if candidates else None)


def _registered(benchmark: str, available: Sequence[Key]) -> Key | None:
    for pattern, metric, name in _REGISTRY:
        if fnmatchcase(benchmark, pattern):
            matching = (key for key in available if key[0] == metric and fnmatchcase(key[1], name))
            return next(matching, None)
    return None

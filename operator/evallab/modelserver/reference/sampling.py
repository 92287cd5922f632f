"""Picking tokens from log-probabilities: `generation` chooses with it, `parts` lists alternatives."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evallab.modelserver.reference.checkpoint import Array


@dataclass(frozen=True)
class Sampling:
    """How one answer is generated, and when it ends."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: frozenset[int] = frozenset()
    ignore_eos: bool = False
    include_stop: bool = False

    def of_choice(self, number: int) -> "Sampling":
        """Return the settings of a request's choice `number`: a seed counts up, so that choices differ."""
        return self if self.seed is None else replace(self, seed=self.seed + number)


def choose(row: Array, sampling: Sampling, random: np.random.Generator) -> int:
    """Return the next token's id; temperature 0 takes the most likely (the lowest id among equals)."""
    if sampling.temperature == 0:
        return int(row.argmax())
    weights = distribution(row, sampling)
    return int(random.choice(len(weights), p=weights))


def distribution(row: Array, sampling: Sampling) -> NDArray[np.float64]:
    """Return the probabilities to draw from: tempered, then cut by top_k, then by top_p."""
    tempered = (row.astype(np.float64) - row.max()) / sampling.temperature
    weights: NDArray[np.float64] = np.exp(tempered)
    weights /= weights.sum()
    order = np.argsort(-weights, kind="stable")
    if 0 < sampling.top_k < len(weights):
        weights[order[sampling.top_k :]] = 0
        weights /= weights.sum()
    if sampling.top_p < 1:
        kept = int(np.searchsorted(np.cumsum(weights[order]), sampling.top_p)) + 1
        weights[order[kept:]] = 0
    total: NDArray[np.float64] = weights / weights.sum()
    return total


def most_likely(rows: Array, count: int) -> NDArray[np.intp]:
    """Return the ids of the `count` most likely tokens of each row, the most likely first."""
    if count == 1:  # what log-likelihood requests ask, for each of a long prompt's tokens
        best: NDArray[np.intp] = rows.argmax(-1)[:, None]
        return best
    ids: NDArray[np.intp] = np.argsort(-rows, axis=-1, kind="stable")[:, :count]
    return ids

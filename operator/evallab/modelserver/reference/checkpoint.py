"""A model in memory, whatever file format it came from: the loaders make it, the engine and the vocabulary read it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Array = NDArray[np.float32]


class UnsupportedModel(Exception):
    """The files hold a model that this engine cannot compute exactly; the message says what is in the way."""


@dataclass(frozen=True)
class Shape:
    """The sizes and constants of a Llama decoder."""

    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    theta: float
    eps: float
    context: int


@dataclass(frozen=True)
class Checkpoint:
    """Weights by their Hugging Face names in float32, the tokenizer, and what the files say about special tokens."""

    shape: Shape
    tensors: Mapping[str, Array]
    tokenizer: Tokenizer
    end_ids: frozenset[int]
    bos_token: str | None
    eos_token: str | None
    pad_token: str | None
    chat_template: str | None


def require(condition: bool, problem: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise UnsupportedModel unless `condition` holds."""
    if not condition:
        raise UnsupportedModel(problem)

"""The arithmetic: a Llama decoder in float32 numpy, one sequence at a time. `generation` drives it, nobody else."""

from dataclasses import dataclass

import numpy as np

from evallab.modelserver.reference.checkpoint import Array, Checkpoint

_HIDDEN = np.float32(-1e9)


@dataclass(frozen=True)
class _Layer:
    attention_norm: Array
    qkv: Array
    out: Array
    feed_norm: Array
    gate_up: Array
    down: Array


class Engine:
    """A loaded model; `forward` is a pure function of the ids and the cache it is given."""

    def __init__(self, checkpoint: Checkpoint, max_context: int | None = None) -> None:
        """Lay the weights out for row vectors; `max_context` can only shorten the model's own context."""
        self.shape = checkpoint.shape
        self.context = min(checkpoint.shape.context, max_context or checkpoint.shape.context)
        weights = checkpoint.tensors
        self._embedding = weights["model.embed_tokens.weight"]
        self._norm = weights["model.norm.weight"]
        self._head = _columns(weights.get("lm_head.weight", self._embedding))
        self._layers = [_layer(checkpoint, number) for number in range(self.shape.layers)]
        self._cos, self._sin = self._rotation()

    @property
    def vocabulary_size(self) -> int:
        """How many token ids there are."""
        return int(self._embedding.shape[0])

    def new_cache(self) -> list[Array]:
        """Return empty keys and values for one sequence, one array per layer."""
        shape = self.shape
        size = (2, shape.kv_heads, self.context, shape.head_dim)
        return [np.zeros(size, np.float32) for _ in range(shape.layers)]

    def forward(self, ids: list[int], cache: list[Array], position: int, *, last_only: bool = False) -> Array:
        """Put `ids` at `position` and on; fill the cache; return log-probabilities, a row per id (or the last)."""
        x = self._embedding[ids]
        mask = None
        if len(ids) > 1:
            mask = np.triu(np.full((len(ids), position + len(ids)), _HIDDEN, np.float32), position + 1)
        for layer, kept in zip(self._layers, cache, strict=True):
            x = x + self._attend(self._rms(x, layer.attention_norm) @ layer.qkv, kept, position, mask) @ layer.out
            x = x + _gated(self._rms(x, layer.feed_norm) @ layer.gate_up) @ layer.down
        return _log_softmax(self._rms(x[-1:] if last_only else x, self._norm) @ self._head)

    def _attend(self, mixed: Array, kept: Array, position: int, mask: Array | None) -> Array:
        shape, length = self.shape, mixed.shape[0]
        end, groups = position + length, shape.heads // shape.kv_heads
        mixed = mixed.reshape(length, shape.heads + 2 * shape.kv_heads, shape.head_dim)
        turned = self._rotate(mixed[:, : shape.heads + shape.kv_heads], position, end)
        kept[0, :, position:end] = turned[:, shape.heads :].swapaxes(0, 1)
        kept[1, :, position:end] = mixed[:, shape.heads + shape.kv_heads :].swapaxes(0, 1)
        queries = turned[:, : shape.heads].reshape(length, shape.kv_heads, groups, shape.head_dim)
        scores = queries.transpose(1, 2, 0, 3) @ kept[0, :, None, :end].swapaxes(-1, -2)
        scores = scores * np.float32(shape.head_dim**-0.5)
        if mask is not None:
            scores = scores + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed_values: Array = scores @ kept[1, :, None, :end]
        return mixed_values.transpose(2, 0, 1, 3).reshape(length, shape.heads * shape.head_dim)

    def _rotate(self, heads: Array, position: int, end: int) -> Array:
        cos, sin, half = self._cos[position:end], self._sin[position:end], self.shape.head_dim // 2
        first, second = heads[..., :half], heads[..., half:]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)

    def _rms(self, x: Array, gain: Array) -> Array:
        total: Array = np.add.reduce(x * x, -1, keepdims=True)
        mean = total / np.float32(x.shape[-1])
        scaled: Array = x / np.sqrt(mean + np.float32(self.shape.eps)) * gain
        return scaled

    def _rotation(self) -> tuple[Array, Array]:
        shape = self.shape
        frequencies = shape.theta ** (-np.arange(0, shape.head_dim, 2) / shape.head_dim)
        angles = (np.arange(self.context)[:, None] * frequencies[None])[:, None]
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _layer(checkpoint: Checkpoint, number: int) -> _Layer:
    def weight(name: str) -> Array:
        return checkpoint.tensors[f"model.layers.{number}.{name}.weight"]

    return _Layer(
        attention_norm=weight("input_layernorm"),
        qkv=_columns(*(weight(f"self_attn.{each}_proj") for each in "qkv")),
        out=_columns(weight("self_attn.o_proj")),
        feed_norm=weight("post_attention_layernorm"),
        gate_up=_columns(weight("mlp.gate_proj"), weight("mlp.up_proj")),
        down=_columns(weight("mlp.down_proj")),
    )


def _gated(both: Array) -> Array:
    half = both.shape[1] // 2
    gate, up = both[:, :half], both[:, half:]
    silu: Array = gate / (1 + np.exp(-gate))
    return silu * up


def _columns(*matrices: Array) -> Array:
    """Stack (out, in) matrices and transpose them, so that a row vector times the result is one multiplication."""
    return np.ascontiguousarray(np.concatenate(matrices).T)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result

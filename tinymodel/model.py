"""The Llama decoder in JAX, as it is trained: `train.py` differentiates `loss`, `export.py` never needs it."""

import math

import jax
import jax.numpy as jnp
import numpy as np

CONFIG = {
    "vocab": 768,
    "d": 128,
    "layers": 4,
    "heads": 4,
    "kv": 2,
    "hd": 32,
    "ffn": 384,
    "theta": 10000.0,
    "eps": 1e-5,
    "ctx": 512,
}


def init(cfg, seed):
    """Return fresh parameters, the layers stacked along the first axis."""
    r = np.random.default_rng(seed)
    d, layers, h, kv, hd, f, vocab = (cfg[k] for k in ("d", "layers", "heads", "kv", "hd", "ffn", "vocab"))

    def normal(*shape, scale=None):
        return (r.standard_normal(shape) * (scale or shape[-2] ** -0.5)).astype(np.float32)

    return {
        "emb": normal(vocab, d, scale=0.05),
        "norm": np.ones(d, np.float32),
        "qkv": normal(layers, d, (h + 2 * kv) * hd),
        "o": normal(layers, h * hd, d) / math.sqrt(2 * layers),
        "gu": normal(layers, d, 2 * f),
        "down": normal(layers, f, d) / math.sqrt(2 * layers),
        "n1": np.ones((layers, d), np.float32),
        "n2": np.ones((layers, d), np.float32),
    }


def rms(x, gain, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * gain


def rope(x, cos, sin):
    first, second = jnp.split(x, 2, -1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], -1)


def forward(p, ids, cfg):
    """Return the logits of every position."""
    length, hd = ids.shape[1], cfg["hd"]
    frequencies = cfg["theta"] ** (-jnp.arange(0, hd, 2) / hd)
    angles = jnp.arange(length)[:, None] * frequencies[None]
    turn = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]
    mask = jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0.0, -1e9)
    x = p["emb"][ids]
    for layer in range(cfg["layers"]):
        x = x + attention(rms(x, p["n1"][layer], cfg["eps"]) @ p["qkv"][layer], turn, mask, cfg) @ p["o"][layer]
        gate, up = jnp.split(rms(x, p["n2"][layer], cfg["eps"]) @ p["gu"][layer], 2, -1)
        x = x + (jax.nn.silu(gate) * up) @ p["down"][layer]
    return rms(x, p["norm"], cfg["eps"]) @ p["emb"].T


def attention(y, turn, mask, cfg):
    batch, length, _ = y.shape
    h, kv, hd = cfg["heads"], cfg["kv"], cfg["hd"]
    q, k, v = jnp.split(y, [h * hd, (h + kv) * hd], -1)
    q = rope(q.reshape(batch, length, h, hd), *turn).reshape(batch, length, kv, h // kv, hd)
    k, v = rope(k.reshape(batch, length, kv, hd), *turn), v.reshape(batch, length, kv, hd)
    weights = jax.nn.softmax(jnp.einsum("btkgd,bskd->bkgts", q, k) * hd**-0.5 + mask, -1)
    return jnp.einsum("bkgts,bskd->btkgd", weights, v).reshape(batch, length, h * hd)


def loss(p, ids, weights, cfg):
    """Return the weighted mean of the next token's negative log-likelihood."""
    logits = forward(p, ids[:, :-1], cfg)
    picked = jnp.take_along_axis(logits, ids[:, 1:, None], -1)[..., 0]
    nll = jax.nn.logsumexp(logits, -1) - picked
    return (nll * weights).sum() / weights.sum()

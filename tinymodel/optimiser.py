"""Muon for the matrices, Adam for the rest, in one jitted step that `train.py` calls."""

import math

import jax
import jax.numpy as jnp
from model import loss

MATRICES = ("qkv", "o", "gu", "down")


def orthogonal(m):
    """Orthogonalise a stack of matrices (Newton-Schulz), scaled to Adam's update size."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = m.shape[-2] > m.shape[-1]
    x = jnp.swapaxes(m, -1, -2) if tall else m
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(5):
        s = x @ jnp.swapaxes(x, -1, -2)
        x = a * x + (b * s + c * s @ s) @ x
    x = jnp.swapaxes(x, -1, -2) if tall else x
    return x * 0.2 * math.sqrt(max(m.shape[-2:]))


def muon(value, gradient, state, lr):
    m = 0.95 * state[0] + gradient
    return value * (1 - 0.05 * lr) - lr * orthogonal(0.95 * m + gradient), (m, state[1])


def adam(value, gradient, state, lr, t):
    m = 0.9 * state[0] + 0.1 * gradient
    u = 0.98 * state[1] + 0.02 * gradient**2
    return value - lr * (m / (1 - 0.9**t)) / (jnp.sqrt(u / (1 - 0.98**t)) + 1e-8), (m, u)


def start(parameters):
    return {k: (jnp.zeros_like(v), jnp.zeros_like(v)) for k, v in parameters.items()}


def make_step(cfg):
    """Return step(parameters, state, ids, weights, lr, t) -> (parameters, state, loss)."""

    def step(p, s, ids, weights, lr, t):
        value, gradients = jax.value_and_grad(loss)(p, ids, weights, cfg)
        size = jnp.sqrt(sum((g * g).sum() for g in gradients.values()))
        clip = jnp.minimum(1.0, 1.0 / size)
        new, state = {}, {}
        for k, v in p.items():
            g = gradients[k] * clip
            new[k], state[k] = muon(v, g, s[k], lr) if k in MATRICES else adam(v, g, s[k], lr, t)
        return new, state, value

    return jax.jit(step, donate_argnums=(0, 1))

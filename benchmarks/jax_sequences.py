"""JAX by hand: a transformer of all sequences at once."""

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.workload import HEADS, SEQUENCE

Params = dict[str, jax.Array]


def sequence_loss(p: tuple[jax.Array, ...], data: tuple) -> jax.Array:
    """The mean nats of the tokens that follow, which are -1 after the last."""
    x, y = data
    log_p = jax.nn.log_softmax(forward(dict(zip(SEQUENCE, p, strict=True)), x))
    chosen = y[..., None] == jnp.arange(log_p.shape[-1])
    return -jnp.sum(jnp.where(chosen, log_p, 0.0)) / jnp.sum(y >= 0)


def forward(p: Params, x: jax.Array) -> jax.Array:
    """The logits of tokens x [rows, n]."""
    stream = p["embed"][x] + p["position"]
    for i in range(len(p["out"])):
        read = normed(stream, p["attend_norm"][i])
        q, k, v = (through(p, name, i, read) for name in ("query", "key", "value"))
        stream = stream + through(p, "out", i, attended(q, k, v))
        read = normed(stream, p["expand_norm"][i])
        units = jax.nn.gelu(through(p, "up", i, read))
        stream = stream + through(p, "down", i, units)
    return normed(stream, p["norm"]) @ p["embed"].T


def through(p: Params, name: str, i: int, x: jax.Array) -> jax.Array:
    return x @ p[name][i] + p[f"{name}_bias"][i]


def normed(x: jax.Array, norm: jax.Array) -> jax.Array:
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.var(x, axis=-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * norm[0] + norm[1]


def attended(q: Any, k: Any, v: Any) -> jax.Array:
    rows, n, width = q.shape
    q, k, v = (a.reshape(rows, n, HEADS, -1) for a in (q, k, v))
    scores = jnp.einsum("rqhd,rkhd->rhqk", q, k) / (width // HEADS) ** 0.5
    seen = jnp.tril(jnp.ones((n, n), bool))
    shares = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
    return jnp.einsum("rhqk,rkhd->rqhd", shares, v).reshape(rows, n, width)

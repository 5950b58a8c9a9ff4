"""Attention of one sequence."""

import jax
import jax.numpy as jnp

FAR = -1e9  # a score that leaves no attention


def seen(causal: bool, live: jax.Array, query: jax.Array) -> jax.Array:
    """Whether queries at such places [k] see what is at others: [k, n]."""
    there = jnp.broadcast_to(live[None], (len(query), len(live)))
    return there & (jnp.arange(len(live))[None] <= query[:, None]) if causal else there


def attended(
    heads: int, query: jax.Array, key: jax.Array, value: jax.Array, sees: jax.Array
) -> jax.Array:
    """Values [n, width] as every query [k, width] mixes those that it sees."""

    def by_head(rows: jax.Array) -> jax.Array:
        return rows.reshape(len(rows), heads, -1)

    query = by_head(query) * (query.shape[1] // heads) ** -0.5
    scores = jnp.einsum("khd,nhd->hkn", query, by_head(key))
    shares = jax.nn.softmax(jnp.where(sees[None], scores, FAR))
    return jnp.einsum("hkn,nhd->khd", shares, by_head(value)).reshape(len(query), -1)

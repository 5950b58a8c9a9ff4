"""Edges in time: some come again, others are new."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Memory(NamedTuple):
    """What was seen of every pair of nodes, flat: [nodes²]."""

    first: jax.Array  # the batch in which a pair was first seen, -1 if in none
    last: jax.Array  # and last
    times: jax.Array  # how often


def empty(nodes: int) -> Memory:
    """The memory of nothing."""
    none = jnp.full(nodes * nodes, -1)
    return Memory(none, none, jnp.zeros(nodes * nodes, int))


def written(memory: Memory, edges: jax.Array, t: Any) -> Memory:
    """The memory after a batch of `edges` [n], flat indices of pairs."""
    new = memory.first[edges] < 0
    first = memory.first.at[edges].max(jnp.where(new, t, -1))
    return Memory(first, memory.last.at[edges].set(t), memory.times.at[edges].add(1))


def at_weights(u: jax.Array, w: jax.Array) -> jax.Array:
    """The indices of weights [n], not summing to one, at uniforms `u` on (0, 1)."""
    up = jnp.cumsum(w)
    found = jnp.searchsorted(up, u * up[-1], side="right")
    return jnp.minimum(found, len(w) - 1)


def temporal(nodes: int, batches: int, edges: int) -> Callable[..., jax.Array]:
    """The maker of streams of directed edges between different nodes.

    `dataset(key, again, half_life)` [batches, edges] are flat indices of pairs, source
    times `nodes` plus destination. An edge is at probability `again` one that was seen
    in an earlier batch, twice as likely if it was last seen `half_life` batches later;
    else any pair that never was.
    """
    apart = ~jnp.eye(nodes, dtype=bool).reshape(-1)

    def dataset(key: jax.Array, again: Any, half_life: Any) -> jax.Array:
        def step(memory: Memory, t: Any) -> tuple[Memory, jax.Array]:
            u = jax.random.uniform(jax.random.fold_in(key, t), (3, edges))
            seen = memory.times > 0
            age = jnp.where(seen, t - memory.last, 0)
            old = at_weights(u[0], jnp.where(seen, 2.0 ** (-age / half_life), 0.0))
            new = at_weights(u[1], 1.0 * (apart & ~seen))
            drawn = jnp.where((u[2] < again) & (t > 0), old, new)
            return written(memory, drawn, t), drawn

        return jax.lax.scan(step, empty(nodes), jnp.arange(batches))[1]

    return dataset

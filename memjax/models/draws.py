"""Draws of which smaller ones are a part."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def nested(draw: Callable[..., jax.Array], key: jax.Array, shape: tuple) -> jax.Array:
    """Numbers [rows, columns]; any smaller draw with this key is a corner of them.

    Each row has a key of its own. Lanes of a sweep draw one after another, for under a
    vmap a draw takes many times longer to compile.
    """
    rows, columns = shape

    @jax.custom_batching.sequential_vmap
    def drawn(key: jax.Array) -> jax.Array:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(rows))
        return jax.vmap(lambda key: draw(key, (columns,)))(keys)

    return drawn(key)


def alive(count: Any, length: int) -> jax.Array:
    """One for the first `count` of so many places, zero for the rest."""
    return jnp.asarray(jnp.arange(length) < count, jnp.float32)

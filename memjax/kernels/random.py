"""Random features, whose inner products are a kernel on average."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def cosines(
    slope_key: jax.Array, phase_key: jax.Array, x: jax.Array, width: Any,
    count: Any, block: int,
) -> Callable[[jax.Array], jax.Array]:  # fmt: skip
    """The k-th block of `count` random waves at points x [n, d]: [n, block].

    With many of them inner products are `exp(-|x - z|² / (2 width²))`.
    """

    def at(k: jax.Array) -> jax.Array:
        drawn = jax.random.normal(jax.random.fold_in(slope_key, k), (x.shape[1], block))
        slopes = drawn / width
        phase = jax.random.uniform(jax.random.fold_in(phase_key, k), (1, block))
        return jnp.sqrt(2 / count) * jnp.cos(x @ slopes + 2 * jnp.pi * phase)

    return at

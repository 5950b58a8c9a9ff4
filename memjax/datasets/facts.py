"""Facts to know by heart: a key has a value that nothing else tells."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.lanes import lane_by_lane
from memjax.measure import Data, prefix


def facts(
    symbols: int, length: int, classes: int, capacity: int
) -> Callable[..., Data]:
    """The maker of `capacity` facts, of which `size` carry weight.

    `dataset(key, size)`: `x` [length] is a key, random tokens 0 … symbols - 1, and `y`
    its value, a random class; a key that is drawn again has its value again. Smaller
    sets are prefixes of larger ones.
    """
    if min(symbols, length, classes, capacity) < 1:
        raise ValueError(f"{capacity} facts of {length} of {symbols} symbols")

    @lane_by_lane
    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        u = jax.random.uniform(key, (capacity, length + 1))
        x = (u[:, :length] * symbols).astype(int)
        return x, first_value(x, (u[:, length] * classes).astype(int))

    def dataset(key: jax.Array, size: Any) -> Data:
        x, y = draw(key)
        return Data(x, y, prefix(size, capacity))

    return dataset


def vector_facts(
    length: int, width: int, classes: int, capacity: int
) -> Callable[..., Data]:
    """The maker of facts whose keys are sequences of vectors.

    `dataset(key, size, rank)`: `x` [length, width] are random combinations of the same
    `rank` random directions, each entry of variance 1; `y` is a random class. Higher
    ranks add directions to lower ones; smaller sets are prefixes of larger ones.
    """

    @lane_by_lane
    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        space, parts, values = jax.random.split(key, 3)
        directions = jax.random.normal(space, (width, width))
        z = jax.random.normal(parts, (capacity, length, width))
        return z, directions, jax.random.randint(values, (capacity,), 0, classes)

    def dataset(key: jax.Array, size: Any, rank: Any = width) -> Data:
        z, directions, y = draw(key)
        kept = jnp.where(jnp.arange(width) < rank, jax.lax.rsqrt(1.0 * rank), 0.0)
        return Data(z @ (kept[:, None] * directions), y, prefix(size, capacity))

    return dataset


def first_value(x: jax.Array, y: jax.Array) -> jax.Array:
    """Of every key [n, length] the value [n] that it had at first."""
    same = jax.vmap(lambda key: jnp.all(x == key[None], axis=1))(x)
    return y[jnp.argmax(same, axis=1)]

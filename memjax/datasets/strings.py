"""Strings of few symbols with labels of their own, and room for a chain of thought."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.datasets.facts import first_value
from memjax.lanes import lane_by_lane
from memjax.measure import Data, prefix


def unary(length: int, symbols: int = 1, thoughts: int = 0) -> Callable[..., Data]:
    """The maker of all strings of one repeated symbol, up to so long.

    `dataset(key, size, chain)`: the shortest ones first, of each length those of every
    symbol; `x` ends in -1, `y` is 0 or 1 at random. After a string stand as many of the
    `thoughts`, tokens after the symbols, as the `chain` has.
    """
    count = symbols * length

    @lane_by_lane
    def draw(key: jax.Array) -> jax.Array:
        return jax.random.bernoulli(key, shape=(count,)).astype(int)

    def dataset(key: jax.Array, size: Any, chain: Any = 0) -> Data:
        long, symbol = jnp.divmod(jnp.arange(count), symbols)
        tokens = jnp.broadcast_to(symbol[:, None], (count, length))
        x = written(tokens, long + 1, symbols, thoughts, chain)
        return Data(x, draw(key), prefix(size, count))

    return dataset


def mixed(
    length: int, symbols: int, capacity: int, thoughts: int = 0
) -> Callable[..., Data]:
    """The maker of random strings, of lengths from 1 to `length`.

    `dataset(key, size, chain)` as of `unary`. A string that is drawn again has its
    label again. Smaller sets are prefixes of larger ones.
    """

    @lane_by_lane
    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        u = jax.random.uniform(key, (capacity, length + 2))
        long = 1 + (u[:, -2] * length).astype(int)
        tokens = (u[:, :length] * symbols).astype(int)
        known = written(tokens, long, symbols, 0, 0)
        return tokens, long, first_value(known, (u[:, -1] < 0.5).astype(int))

    def dataset(key: jax.Array, size: Any, chain: Any = 0) -> Data:
        tokens, long, y = draw(key)
        x = written(tokens, long, symbols, thoughts, chain)
        return Data(x, y, prefix(size, capacity))

    return dataset


def written(
    tokens: jax.Array, long: jax.Array, symbols: int, thoughts: int, chain: Any
) -> jax.Array:
    """The first `long` [n] of `tokens` [n, length], the thoughts of a chain, then -1.

    A chain is the tokens `symbols`, `symbols + 1`, …, at most so many `thoughts`.
    """
    place = jnp.arange(tokens.shape[1] + thoughts)[None] - long[:, None]
    string = jnp.pad(tokens, ((0, 0), (0, thoughts)))
    thought = jnp.where(place < jnp.minimum(chain, thoughts), symbols + place, -1)
    return jnp.where(place < 0, string, thought)

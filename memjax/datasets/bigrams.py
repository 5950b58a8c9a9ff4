"""Languages whose next token depends on this one only, and pairs that are drawn."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.datasets.random_labels import classes_at
from memjax.lanes import lane_by_lane
from memjax.measure import Data

AGO = 8  # doublings of a walk: 256 tokens later where it began is forgotten


def languages(max_vocab: int, rank: int) -> Callable[..., Data]:
    """The maker of languages of which the logits of the next token have a low rank.

    `language(key, vocab)` has the tokens as its points, weighted by how frequent they
    are in the long run, and the laws of the next one [max_vocab] as their targets.
    Logits are products of normal vectors, of variance one.
    """

    @lane_by_lane
    def draw(key: jax.Array) -> jax.Array:
        return jax.random.normal(key, (max_vocab, 2, rank))

    def language(key: jax.Array, vocab: Any) -> Data:
        a, b = draw(key).swapaxes(0, 1)
        live = jnp.arange(max_vocab) < vocab
        law = jax.nn.softmax(jnp.where(live, a @ b.T / rank**0.5, -jnp.inf), axis=1)
        later = law
        for _ in range(AGO):
            later = later @ later
        return Data(jnp.arange(max_vocab), law, later[0])

    return language


def pairs(capacity: int) -> Callable[..., Data]:
    """The maker of a measure of pairs that are drawn, at most `capacity` of them.

    `drawn(key, language, size)` has the tokens as its points, weighted by how often
    they are first in `size` pairs, and as targets what follows them how often. So any
    number of pairs is as many points as there are tokens. Fewer pairs are a prefix.
    """

    @lane_by_lane
    def draw(key: jax.Array) -> jax.Array:
        return jax.random.uniform(key, (capacity, 2)).T

    def drawn(key: jax.Array, language: Data, size: Any) -> Data:
        first, second = draw(key)
        x = classes_at(first, language.w)
        edges = jnp.cumsum(language.y, axis=1)[:, :-1]
        y = jax.vmap(lambda u, x: jnp.sum(u >= edges[x], dtype=jnp.int32))(second, x)
        there = jnp.where(jnp.arange(capacity) < size, 1.0, 0.0)
        count = jnp.zeros(language.y.shape).at[x, y].add(there)
        own = jnp.sum(count, axis=1)
        return Data(language.x, count / jnp.maximum(own, 1)[:, None], own / size)

    return drawn

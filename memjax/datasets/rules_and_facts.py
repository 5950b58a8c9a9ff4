"""A rule for most points, coin flips for the rest: generalize and memorize at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.measure import Data, prefix


class Labeled(NamedTuple):
    """What a point of `rules_and_facts` is labeled, and whether by a coin."""

    label: jax.Array  # -1 or 1
    fact: jax.Array  # True where the label is a coin flip, whatever it shows


def rules_and_facts(dim: int, capacity: int) -> Callable[..., Data]:
    """The maker of `capacity` Gaussian points, of which `size` carry weight.

    `dataset(key, teacher, size, eps)`: a point is a fact with probability `eps`, and
    its label a fair coin; otherwise the label is the rule, `sign(teacher · x)`. A
    larger `eps` turns more of the same points into facts. Draw the teacher [dim] apart
    from the data (`jax.random.normal(key, (dim,))`); a test set of the rule has `eps`
    0. Smaller sets are prefixes of larger ones.
    """

    def dataset(key: jax.Array, teacher: jax.Array, size: Any, eps: Any = 0.0) -> Data:
        x_key, fact_key, coin_key = jax.random.split(key, 3)
        x = jax.random.normal(x_key, (capacity, dim))
        fact = jax.random.uniform(fact_key, (capacity,)) < eps
        coin = jax.random.uniform(coin_key, (capacity,)) - 0.5
        label = jnp.where(jnp.where(fact, coin, x @ teacher) < 0, -1.0, 1.0)
        return Data(x, Labeled(label, fact), prefix(size, capacity))

    return dataset

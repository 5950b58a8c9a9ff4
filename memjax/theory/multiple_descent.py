"""What noise costs minimum norm on blocks of Gaussian features of separate scales.

Where every block is far larger than the next, the first is fitted by least squares on
all points, the next on what it leaves of them, and so on until a block takes all that
is left: each peaks where it meets the points that were left for it. What later blocks
cost is noise to the earlier ones, so factors of one plus the costs multiply.
"""

from typing import Any

import jax
import jax.numpy as jnp


def separate(size: Any, counts: jax.Array) -> jax.Array:
    """The mean excess risk of labels that are noise of variance one.

    `counts` [blocks] are the numbers of features, largest scale first; some may be
    zero. Infinite where a block's features are as many as the points that are left
    for it, or one more or less.
    """
    left = jnp.maximum(size - (jnp.cumsum(counts) - counts), 0)
    gap = jnp.abs(counts - left) - 1.0
    cost = jnp.minimum(counts, left) / jnp.where(gap > 0, gap, 1.0)
    used = (counts > 0) & (left > 0)
    each = jnp.where(used, jnp.where(gap > 0, cost, jnp.inf), 0.0)
    return jnp.prod(1 + each) - 1

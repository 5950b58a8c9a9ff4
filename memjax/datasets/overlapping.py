"""Two classes on a segment that overlap in a known way."""

from typing import Any

import jax
import jax.numpy as jnp


def overlapping(key: jax.Array, count: int, prior: Any) -> tuple[jax.Array, jax.Array]:
    """So many points t of [0, 1], and their classes -1, with chance `prior`, or +1.

    The density of the first is 2(1 - t), of the second 2t: the first coordinates of
    Dirichlet(1, 2) and (2, 1). It is least often wrong to say +1 where t > prior.
    """
    class_key, t_key = jax.random.split(key)
    first = jax.random.uniform(class_key, (count,)) < prior
    root = jnp.sqrt(jax.random.uniform(t_key, (count,)))
    return jnp.where(first, 1 - root, root), jnp.where(first, -1.0, 1.0)

"""Equispaced points on a circle, and the circle between them as a measure."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.measure import prefix


class Circle(NamedTuple):
    """Angles to learn from and angles to integrate over, with their weights."""

    x: jax.Array  # [capacity]
    w: jax.Array  # [capacity]
    between: jax.Array  # [capacity * nodes]
    shares: jax.Array  # [capacity * nodes]


def circle(size: Any, capacity: int, nodes: int) -> Circle:
    """The first `size` points 2πi/size, and Gauss-Legendre nodes between neighbors.

    So many `nodes` are between each two; angles past `size` are padding.
    """
    at, shares = np.polynomial.legendre.leggauss(nodes)
    w, step = prefix(size, capacity), 2 * jnp.pi / size
    x = step * jnp.arange(capacity)
    between = (x[:, None] + step * (at[None, :] + 1) / 2).ravel()
    return Circle(x, w, between, (w[:, None] * shares[None, :] / 2).ravel())

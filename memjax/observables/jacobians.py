"""Maps that are iterated: how they stretch near a point, and where they end."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Map = Callable[[jax.Array], jax.Array]  # [d] -> [d]
SQUARINGS = 16  # J^(2^16): what a basis can distort is then worth 1 part in 10^4


def spectral_radius(matrix: jax.Array) -> jax.Array:
    """The largest |eigenvalue| of `matrix` [..., d, d], which need not be symmetric.

    It is the limit of `‖Jᵏ‖^(1/k)`, taken at k = 2¹⁶ by squaring a matrix that is
    scaled to norm 1 each time. Unlike a power iteration on a vector it does not turn
    with a complex leading pair; unlike `jnp.linalg.eigvals` it runs on every device.
    """

    def square(carry: tuple, s: jax.Array) -> tuple:
        m, log_radius = carry
        norm = jnp.sqrt(jnp.sum(jnp.square(m), axis=(-2, -1)))
        m = m / jnp.where(norm > 0, norm, 1.0)[..., None, None]
        return (m @ m, log_radius + jnp.log(norm) / 2**s), None

    start = (matrix, jnp.zeros(matrix.shape[:-2], matrix.dtype))
    (_, log_radius), _ = jax.lax.scan(square, start, jnp.arange(SQUARINGS + 1.0))
    return jnp.exp(log_radius)


def product(matrices: jax.Array) -> jax.Array:
    """The last of `matrices` [n, d, d] times … times the first: along an orbit, the
    Jacobian of the map iterated n times."""
    start = jnp.eye(matrices.shape[-1], dtype=matrices.dtype)
    return jax.lax.scan(lambda m, j: (j @ m, None), start, matrices)[0]


def iterated(f: Map, count: Any) -> Map:
    """The map `f` applied `count` times; `count` may be traced."""
    return lambda x: jax.lax.fori_loop(0, count, lambda _, z: f(z), x)


def nearest(x: jax.Array, points: jax.Array, within: Any) -> jax.Array:
    """The index of the one of `points` [n, d] closest to `x` [d], or -1 where none is
    within that distance."""
    squared = jnp.sum(jnp.square(points - x[None]), axis=-1)
    i = jnp.argmin(squared)
    return jnp.where(squared[i] < within**2, i, -1)

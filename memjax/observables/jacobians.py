"""Maps that are iterated: how they stretch near a point, and where they end."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Map = Callable[[jax.Array], jax.Array]  # [d] -> [d]
SQUARINGS = 16  # J^(2^16): what a basis can distort is then worth 1 part in 10^4


@jax.jit
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


def along(f: Map, points: jax.Array, held: jax.Array) -> tuple[jax.Array, jax.Array]:
    """How `f` stretches near each of `points` [n, d], and along them all, a step.

    The spectral radii [n] of its Jacobians, and that of their product, the last one
    times … times the first, to the power 1/n: the Jacobian of a cycle, once around.
    Points that are not `held` [n] are passed over, with a radius of NaN. One Jacobian
    after another, for there may be many, and their product is scaled at each, so that
    that of a long cycle does not vanish.
    """
    slopes = jax.jacfwd(f)

    def visit(carry: tuple, point: tuple) -> tuple[tuple, jax.Array]:
        (product, log_size), (x, counts) = carry, point
        jacobian = slopes(x)
        product = jnp.where(counts, jacobian @ product, product)
        norm = jnp.linalg.norm(product)
        norm = jnp.where(norm > 0, norm, 1.0)
        radius = jnp.where(counts, spectral_radius(jacobian), jnp.nan)
        return (product / norm, log_size + jnp.log(norm)), radius

    start = (jnp.eye(points.shape[1], dtype=points.dtype), jnp.zeros((), points.dtype))
    (product, log_size), radii = jax.lax.scan(visit, start, (points, held))
    log_radius = jnp.log(spectral_radius(product)) + log_size
    return radii, jnp.exp(log_radius / jnp.sum(held))


def iterated(f: Map, count: Any) -> Map:
    """The map `f` applied `count` times; `count` may be traced."""
    return lambda x: jax.lax.fori_loop(0, count, lambda _, z: f(z), x)


def nearest(x: jax.Array, points: jax.Array, within: Any) -> jax.Array:
    """The index of the one of `points` [n, d] closest to `x` [d], or -1 where none is
    within that distance."""
    squared = jnp.sum(jnp.square(points - x[None]), axis=-1)
    i = jnp.argmin(squared)
    return jnp.where(squared[i] < within**2, i, -1)

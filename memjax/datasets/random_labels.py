"""Inputs and labels drawn independently: nothing to learn, everything to memorize."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.lanes import lane_by_lane
from memjax.measure import Data, prefix


def gaussian(u: jax.Array) -> jax.Array:
    """Standard normals, from uniforms on (-1, 1)."""
    return 2**0.5 * jax.lax.erf_inv(u)


def cube(u: jax.Array) -> jax.Array:
    """Uniforms on (0, 1), from uniforms on (-1, 1)."""
    return (u + 1) / 2


def random_labels(
    dim: int,
    classes: int,
    capacity: int,
    *,
    inputs: Callable[[jax.Array], jax.Array] = gaussian,
    prior: Callable[..., jax.Array] | None = None,
) -> Callable[..., Data]:
    """The maker of `capacity` points in `dim` dimensions, of which `size` carry weight.

    `dataset(key, size, alpha, noise)`: `inputs` is the law of the inputs, `gaussian` or
    `cube`; `prior(classes, alpha)` that of the labels, uniform where not given; a share
    `noise` of the labels is drawn again, uniformly. Smaller sets are prefixes of larger
    ones.
    """
    law = uniform if prior is None else prior

    # One draw for all, lane after lane: under a vmap, drawing would take longer to
    # compile than training.
    @lane_by_lane
    def draw(key: jax.Array, alpha: Any, noise: Any) -> tuple[jax.Array, jax.Array]:
        least = float(np.nextafter(np.float32(-1), np.float32(0)))
        u = jax.random.uniform(key, (capacity, dim + 3), minval=least, maxval=1.0)
        label, chosen, instead = cube(u[:, dim:]).T
        y = classes_at(label, law(classes, alpha))
        y = jnp.where(chosen < noise, classes_at(instead, uniform(classes)), y)
        return inputs(u[:, :dim]), y

    def dataset(key: jax.Array, size: Any, alpha: Any = 1.0, noise: Any = 0.0) -> Data:
        x, y = draw(key, jnp.asarray(alpha, float), jnp.asarray(noise, float))
        return Data(x, y, prefix(size, capacity))

    return dataset


def uniform(classes: int, alpha: Any = None) -> jax.Array:
    """The law P(c) = 1/classes; it has no shape parameter and ignores `alpha`."""
    return jnp.full(classes, 1.0 / classes)


def power_law(classes: int, alpha: Any) -> jax.Array:
    """The law P(c) ∝ c^-alpha for c = 1 … classes."""
    return jax.nn.softmax(-alpha * jnp.log(jnp.arange(1.0, classes + 1)))


def exponential(classes: int, alpha: Any) -> jax.Array:
    """The law P(c) ∝ exp(-alpha c) for c = 1 … classes."""
    return jax.nn.softmax(-alpha * jnp.arange(1.0, classes + 1))


def classes_at(u: jax.Array, law: jax.Array) -> jax.Array:
    """The classes of `law` [classes] at uniforms `u` [n] on (0, 1)."""
    # The last edge is left out: rounding could put it below a draw of almost one.
    edges = jnp.cumsum(law)[:-1]
    return jax.vmap(lambda at: jnp.sum(at >= edges, dtype=jnp.int32))(u)  # [n]

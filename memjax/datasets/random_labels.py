"""Inputs and labels drawn independently: nothing to learn, everything to memorize."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.core import Data, prefix


def random_labels(
    dim: int,
    classes: int,
    capacity: int,
    *,
    inputs: Callable[..., jax.Array] = jax.random.normal,
    prior: Callable[..., jax.Array] | None = None,
) -> Callable[..., Data]:
    """The maker of `capacity` points in `dim` dimensions, of which `size` carry weight.

    `dataset(key, size, alpha, noise)`: `inputs` draws the inputs (`jax.random.normal`,
    or `jax.random.uniform` for the unit cube); `prior(classes, alpha)` is the law of
    the labels, uniform where not given; a share `noise` of the labels is drawn again,
    uniformly. Smaller sets are prefixes of larger ones.
    """
    law = uniform if prior is None else prior

    def dataset(key: jax.Array, size: Any, alpha: Any = 1.0, noise: Any = 0.0) -> Data:
        x_key, y_key, noise_key = jax.random.split(key, 3)
        x = inputs(x_key, (capacity, dim))
        y = draw_classes(y_key, law(classes, alpha), capacity)
        y = redraw(noise_key, y, classes, noise)
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


def draw_classes(key: jax.Array, law: jax.Array, count: int) -> jax.Array:
    """`count` classes drawn from `law` [classes], each from one uniform."""
    # The last edge is left out: rounding could put it below a draw of almost one.
    edges = jnp.cumsum(law)[:-1]
    u = jax.random.uniform(key, (count,))
    return jax.vmap(lambda at: jnp.sum(at >= edges, dtype=jnp.int32))(u)  # [count]


def redraw(key: jax.Array, y: jax.Array, classes: int, share: Any) -> jax.Array:
    """`y` with each label, at probability `share`, replaced by a uniform class.

    The new class may be the old one. A larger share replaces a larger set of labels.
    """
    chosen_key, class_key = jax.random.split(key)
    chosen = jax.random.uniform(chosen_key, y.shape) < share
    return jnp.where(chosen, jax.random.randint(class_key, y.shape, 0, classes), y)

"""Learning-rate shapes of unit height: `optax.adamw(lambda t: lr * shape(t))`.

Their height is the traced `lr` and their lengths may be traced, too: optax's own
schedules test their numbers in Python and fail when those are traced.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Shape = Callable[[Any], jax.Array]  # step -> factor in [0, 1]


def cosine(steps: Any, floor: float = 0.0) -> Shape:
    """Half a cosine from 1 at step 0 to `floor` at `steps`, and `floor` after."""

    def shape(t: Any) -> jax.Array:
        progress = jnp.clip(t / steps, 0.0, 1.0)
        return floor + (1 - floor) * 0.5 * (1 + jnp.cos(jnp.pi * progress))

    return shape


def linear(steps: Any, floor: float = 0.0) -> Shape:
    """A straight line from 1 at step 0 to `floor` at `steps`, and `floor` after."""
    return lambda t: 1 - (1 - floor) * jnp.clip(t / steps, 0.0, 1.0)


def warmup(steps: Any, then: Shape | None = None) -> Shape:
    """A straight rise from `1/steps` to 1 over `steps`, then the shape `then`."""

    def shape(t: Any) -> jax.Array:
        after = jnp.ones(()) if then is None else then(jnp.maximum(t - steps, 0))
        return jnp.where(t < steps, (t + 1) / steps, after)

    return shape

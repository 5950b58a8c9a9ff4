"""How fast steps of gradient descent on a kernel's coefficients fit the labels."""

from typing import Any

import jax
import jax.numpy as jnp

LONGEST = 2.0**30  # iterations


def residual(values: jax.Array, parts: jax.Array, flat: Any, t: Any) -> jax.Array:
    """The share of `|y|²` that is left after t steps with the top `flat` flattened.

    `values` are the eigenvalues of the Gram matrix, ascending, `parts` those of the
    labels along its eigenvectors. Steps are as long as the next eigenvalue allows.
    """
    level = values[len(values) - 1 - flat]
    kept = 1 - jnp.minimum(values, level) / level
    return jnp.sum(parts**2 * kept ** (2 * t)) / jnp.sum(parts**2)


def iterations(
    values: jax.Array, parts: jax.Array, flat: Any, share: float
) -> jax.Array:
    """The fewest steps after which no more than a share of `|y|²` is left."""

    def halve(_: Any, ends: tuple[jax.Array, jax.Array]) -> tuple:
        low, high = ends  # more is left at low
        middle = jnp.floor((low + high) / 2)
        enough = residual(values, parts, flat, middle) <= share
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    ends = jnp.array(0.0), jnp.array(LONGEST)
    return jax.lax.fori_loop(0, 31, halve, ends)[1]

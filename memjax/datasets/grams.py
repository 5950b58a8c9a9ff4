"""Gram matrices that are drawn without the points."""

from typing import Any

import jax
import jax.numpy as jnp


def gaussian_gram(key: jax.Array, points: int, features: Any) -> jax.Array:
    """The inner products of `points` with so many independent standard normals: [n, n].

    Turned to axes of their own, the i-th point has normals along those before it and
    what is left of its length along the next (Bartlett's decomposition of a Wishart
    matrix). So millions of features cost no more than the matrix; `features` may be
    traced, and fewer than the points. Fewer points are a prefix.
    """
    at = jnp.arange(points)

    def row(i: jax.Array) -> jax.Array:
        along_key, left_key = jax.random.split(jax.random.fold_in(key, i))
        along = jax.random.normal(along_key, (points,))
        spare = jnp.maximum(features - i, 1) / 2.0
        length = jnp.sqrt(2 * jax.random.gamma(left_key, spare))
        kept = jnp.where(at < i, along, jnp.where(at == i, length, 0.0))
        return jnp.where(at < features, kept, 0.0)

    turned = jax.vmap(row)(at)
    return turned @ turned.T
